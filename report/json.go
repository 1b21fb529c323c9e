package report

import (
	"encoding/json"
	"fmt"

	"headstart/event"
	"headstart/term"
)

// JSON returns the incident itself, indented, with its type: event.DecodeIncident
// reads it. What is not printable is escaped.
func (r *Report) JSON() (string, error) {
	data, err := json.MarshalIndent(Typed(r.incident), "", "  ")
	if err != nil {
		return "", fmt.Errorf("report incident %s: %w", r.incident.ID, err)
	}
	return term.PlainJSON(data) + "\n", nil
}

// Typed returns an incident as it stands among JSON lines of other types.
func Typed(i *event.Incident) any {
	return struct {
		Type string `json:"type"`
		*event.Incident
	}{"incident", i}
}
