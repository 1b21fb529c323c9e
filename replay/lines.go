package replay

import (
	"encoding/json"
	"io"
	"slices"
	"strings"

	"headstart/event"
)

// Lines writes JSON lines: alerts as they are raised, incidents in their last
// revision once they are resolved or the replay ends, and a summary.
type Lines struct {
	encoder *json.Encoder
	last    map[string]*event.Incident // revision of open incidents
}

// NewLines returns a sink that writes to out.
func NewLines(out io.Writer) *Lines {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	return &Lines{e, map[string]*event.Incident{}}
}

// Alert implements [Sink].
func (l *Lines) Alert(a *event.Alert) error {
	return l.encoder.Encode(struct {
		Type string `json:"type"`
		*event.Alert
	}{"alert", a})
}

// Incident implements [Sink].
func (l *Lines) Incident(i *event.Incident) error {
	if i.State != event.IncidentResolved {
		l.last[i.ID] = i
		return nil
	}
	delete(l.last, i.ID)
	return l.write(i)
}

func (l *Lines) write(i *event.Incident) error {
	if i.MergedInto != "" && i.Notified {
		// The incident that it was merged into is notified.
		merged := *i
		merged.Notified = false
		i = &merged
	}
	return l.encoder.Encode(struct {
		Type string `json:"type"`
		*event.Incident
	}{"incident", i})
}

// End writes the open incidents and the summary.
func (l *Lines) End(t Totals, wallSeconds float64) error {
	var open []*event.Incident
	for _, i := range l.last {
		open = append(open, i)
	}
	slices.SortFunc(open, func(a, b *event.Incident) int {
		if c := a.OpenedAt.Compare(b.OpenedAt); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	for _, i := range open {
		if err := l.write(i); err != nil {
			return err
		}
	}
	return l.encoder.Encode(struct {
		Type        string  `json:"type"`
		Snapshots   int     `json:"snapshots"`
		Connections int     `json:"connections"`
		Alerts      int     `json:"alerts"`
		Incidents   int     `json:"incidents"`
		Notified    int     `json:"notified"`
		Failures    int     `json:"failures,omitempty"`
		Wall        float64 `json:"wall_seconds"`
	}{"summary", t.Snapshots, t.Connections, t.Alerts, t.Incidents, t.Notified, t.Failures, wallSeconds})
}
