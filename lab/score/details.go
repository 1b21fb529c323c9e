package score

import (
	"cmp"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"time"
)

// WriteDetails writes each intrusion and each false incident as a JSON line:
// "type" is "intrusion" or "false", "interval" that of the polls.
func (s Summary) WriteDetails(w io.Writer, interval time.Duration) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	type head struct {
		Type     string `json:"type"`
		Interval string `json:"interval"`
	}
	for _, o := range s.Outcomes {
		line := struct {
			head
			Outcome
		}{head{"intrusion", interval.String()}, o}
		if err := e.Encode(line); err != nil {
			return err
		}
	}
	for _, f := range s.False {
		line := struct {
			head
			False
		}{head{"false", interval.String()}, f}
		if err := e.Encode(line); err != nil {
			return err
		}
	}
	return nil
}

// byCount lists names, the most frequent first.
func byCount(counts map[string]int) []string {
	names := slices.Collect(maps.Keys(counts))
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(counts[b]-counts[a], cmp.Compare(a, b)) })
	return names
}
