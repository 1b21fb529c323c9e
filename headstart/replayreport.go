package main

import (
	"fmt"
	"io"

	"headstart/event"
	"headstart/headstart/replay"
)

// replayReport is a sink that a person reads.
type replayReport struct {
	out  io.Writer
	last map[string]*event.Incident
	ids  []string
}

func newReplayReport(out io.Writer) *replayReport {
	return &replayReport{out: out, last: map[string]*event.Incident{}}
}

func (r *replayReport) Alert(*event.Alert) error { return nil }

func (r *replayReport) Incident(i *event.Incident) error {
	if r.last[i.ID] == nil {
		r.ids = append(r.ids, i.ID)
	}
	r.last[i.ID] = i
	return nil
}

// End prints the incidents that people would have been told of, then one line
// for each of the others.
func (r *replayReport) End(t replay.Totals, wall float64) error {
	fmt.Fprintf(r.out, "%d snapshots, %d connections, %d alerts, %d incidents, %d of them sent to people, in %.1f s\n",
		t.Snapshots, t.Connections, t.Alerts, t.Incidents, t.Notified, wall)
	for _, sent := range []bool{true, false} {
		for _, id := range r.ids {
			i := r.last[id]
			if i.Notified != sent || i.MergedInto != "" {
				continue
			}
			fmt.Fprintf(r.out, "\n%s  %s  %s\n", i.OpenedAt.Format("2006-01-02 15:04:05"), i.Severity, i.Title)
			if !sent {
				fmt.Fprintf(r.out, "  not sent: score %g, %g short\n", i.Score, i.Missed)
				continue
			}
			for _, e := range i.Timeline {
				fmt.Fprintf(r.out, "  %s  %s\n", e.At.Format("01-02 15:04:05"), e.Text)
			}
		}
	}
	return nil
}
