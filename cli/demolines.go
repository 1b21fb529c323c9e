package cli

import (
	"time"

	"headstart/event"
	"headstart/lab/demo"
)

// demoLines tells the story as JSON lines: what happens ("story"), the alerts
// and incidents as headstart run prints them, and a summary.
type demoLines struct{ *console }

func (*demoLines) read() bool { return false }

func (*demoLines) begin() {}

// Learning implements [demo.Audience].
func (*demoLines) Learning(time.Time, float64) {}

// Clock implements [demo.Audience].
func (*demoLines) Clock(time.Time) {}

// Tell implements [demo.Audience].
func (l *demoLines) Show(e demo.Event) int {
	switch {
	case e.Incident != nil:
		l.incident(e.Incident)
	case e.Alert != nil:
		l.alert(e.Alert)
	default:
		l.line(struct {
			Type string    `json:"type"`
			At   time.Time `json:"at"`
			By   string    `json:"by"` // company, attacker or siem
			Text string    `json:"text"`
		}{"story", e.At, e.By.String(), e.Text})
	}
	return 0
}

type demoStep struct {
	Name   string    `json:"name"`
	At     time.Time `json:"at"`
	ToldAt time.Time `json:"told_at,omitzero"`
}

func (l *demoLines) end(o *demo.Outcome, took time.Duration) {
	summary := struct {
		Type        string        `json:"type"`
		Snapshots   int           `json:"snapshots"`
		Connections int           `json:"connections"`
		Alerts      int           `json:"alerts"`
		Incidents   int           `json:"incidents"`
		Notified    int           `json:"notified"`
		Incident    string        `json:"incident,omitempty"` // id of the attacker's
		HeadStart   event.Seconds `json:"head_start_seconds"`
		Steps       []demoStep    `json:"steps"` // of the published timeline
		Wall        float64       `json:"wall_seconds"`
	}{"summary", o.Snapshots, o.Connections, o.Alerts, o.Incidents, o.Notified, "", event.Seconds(o.HeadStart), nil, took.Seconds()}
	if o.Incident != nil {
		summary.Incident = o.Incident.ID
	}
	for _, s := range o.Steps {
		summary.Steps = append(summary.Steps, demoStep{s.Name, s.At, s.NotifiedAt})
	}
	l.line(summary)
}

func (*demoLines) kept(string, *demo.Outcome) {}
