package report

import (
	"encoding/json"
	"fmt"

	"headstart/event"
	"headstart/term"
)

// JSON returns the incident, indented, with its type, as event.DecodeIncident reads
// it. It escapes unprintable characters.
func (r *Report) JSON() (string, error) {
	data, err := json.MarshalIndent(Typed(r.incident), "", "  ")
	if err != nil {
		return "", fmt.Errorf("report incident %s: %w", r.incident.ID, err)
	}
	return term.PlainJSON(data) + "\n", nil
}

// Typed returns an incident with its type, for JSON lines of several types.
func Typed(i *event.Incident) any {
	return struct {
		Type string `json:"type"`
		*event.Incident
	}{"incident", i}
}
