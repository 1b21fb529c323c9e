package replay

import (
	"fmt"
	"io"
	"strings"

	"headstart/cli/cmdutil"
	"headstart/event"
	"headstart/replay"
	"headstart/report"
	"headstart/term"
)

// textReport is a sink that prints, at the end, a report of each notified
// incident, a line for each other one, and totals. Times are in UTC, as in the
// log.
type textReport struct {
	out  io.Writer
	page term.Page
	last map[string]*event.Incident
	ids  []string // in the order of their opening
}

func newTextReport(out io.Writer, p term.Page) *textReport {
	return &textReport{out: out, page: p, last: map[string]*event.Incident{}}
}

func (r *textReport) Alert(*event.Alert) error { return nil }

func (r *textReport) Incident(i *event.Incident) error {
	if r.last[i.ID] == nil {
		r.ids = append(r.ids, i.ID)
	}
	r.last[i.ID] = i
	return nil
}

func (r *textReport) End(t replay.Totals, wall float64) error {
	var b strings.Builder
	var others []term.Row
	for _, id := range r.ids {
		i := r.last[id]
		switch {
		case i.MergedInto != "": // the other one continues it
		case i.Notified:
			b.WriteString(report.New(i, report.Options{}).Brief(r.page) + "\n")
		default:
			others = append(others, report.New(i, report.Options{}).Line())
		}
	}
	if len(others) > 0 {
		r.page.Fill(&b, "", 0, term.Bold.Of("Not notified"))
		r.page.Table(&b, 0, others)
		b.WriteByte('\n')
	}
	r.page.Fill(&b, "", 0, term.Regular.Of(fmt.Sprintf("%d snapshots, %d connections, %d alerts, %d incidents, %d notified, in %.1f s",
		t.Snapshots, t.Connections, t.Alerts, t.Incidents, t.Notified, wall)))
	return cmdutil.Write(r.out, b.String())
}
