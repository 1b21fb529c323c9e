package cli

import (
	"fmt"
	"io"
	"strings"

	"headstart/event"
	"headstart/replay"
	"headstart/report"
	"headstart/term"
)

// replayReport is a sink that a person reads: at the end it prints a report of
// each incident that people would have been told of, then a line for each of the
// others, and totals. Times are in UTC, as those of the log.
type replayReport struct {
	out  io.Writer
	page term.Page
	last map[string]*event.Incident
	ids  []string // in the order in which they were opened
}

func newReplayReport(out io.Writer, p term.Page) *replayReport {
	return &replayReport{out: out, page: p, last: map[string]*event.Incident{}}
}

func (r *replayReport) Alert(*event.Alert) error { return nil }

func (r *replayReport) Incident(i *event.Incident) error {
	if r.last[i.ID] == nil {
		r.ids = append(r.ids, i.ID)
	}
	r.last[i.ID] = i
	return nil
}

func (r *replayReport) End(t replay.Totals, wall float64) error {
	var b strings.Builder
	var others []term.Row
	for _, id := range r.ids {
		i := r.last[id]
		switch {
		case i.MergedInto != "": // that one goes on
		case i.Notified:
			b.WriteString(report.New(i, report.Options{}).Brief(r.page) + "\n")
		default:
			others = append(others, report.New(i, report.Options{}).Line())
		}
	}
	if len(others) > 0 {
		r.page.Fill(&b, "", 0, term.Bold.Of("Not told to people"))
		r.page.Table(&b, 0, others)
		b.WriteByte('\n')
	}
	r.page.Fill(&b, "", 0, term.Regular.Of(fmt.Sprintf("%d snapshots, %d connections, %d alerts, %d incidents, people told of %d, in %.1f s",
		t.Snapshots, t.Connections, t.Alerts, t.Incidents, t.Notified, wall)))
	return write(r.out, b.String())
}
