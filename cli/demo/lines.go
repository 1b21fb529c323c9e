package demo

import (
	"time"

	"headstart/cli/console"
	"headstart/event"
	"headstart/lab/demo"
)

// lines prints the demonstration as JSON lines: the events of the scenario
// ("story"), alerts and incidents as headstart run prints them, and a summary.
type lines struct{ *console.Console }

func (*lines) interactive() bool { return false }

func (*lines) begin() {}

// Learning implements [demo.Audience].
func (*lines) Learning(time.Time, float64) {}

// Clock implements [demo.Audience].
func (*lines) Clock(time.Time) {}

// Show implements [demo.Audience].
func (l *lines) Show(e demo.Event) int {
	switch {
	case e.Incident != nil:
		l.Incident(e.Incident)
	case e.Alert != nil:
		l.Alert(e.Alert)
	default:
		l.JSON(struct {
			Type string    `json:"type"`
			At   time.Time `json:"at"`
			By   string    `json:"by"` // company, attacker or siem
			Text string    `json:"text"`
		}{"story", e.At, e.By.String(), e.Text})
	}
	return 0
}

type step struct {
	Name   string    `json:"name"`
	At     time.Time `json:"at"`
	ToldAt time.Time `json:"told_at,omitzero"`
}

func (l *lines) end(o *demo.Outcome, took time.Duration) {
	summary := struct {
		Type        string        `json:"type"`
		Snapshots   int           `json:"snapshots"`
		Connections int           `json:"connections"`
		Alerts      int           `json:"alerts"`
		Incidents   int           `json:"incidents"`
		Notified    int           `json:"notified"`
		Incident    string        `json:"incident,omitempty"` // id of the attacker's
		HeadStart   event.Seconds `json:"head_start_seconds"`
		Steps       []step        `json:"steps"` // of the published timeline
		Wall        float64       `json:"wall_seconds"`
	}{"summary", o.Snapshots, o.Connections, o.Alerts, o.Incidents, o.Notified, "", event.Seconds(o.HeadStart), nil, took.Seconds()}
	if o.Incident != nil {
		summary.Incident = o.Incident.ID
	}
	for _, s := range o.Steps {
		summary.Steps = append(summary.Steps, step{s.Name, s.At, s.NotifiedAt})
	}
	l.JSON(summary)
}

func (*lines) kept(string, *demo.Outcome) {}
