package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"headstart/bus"
	"headstart/daemon"
	"headstart/event"
	"headstart/report"
	"headstart/term"
)

// listOptions are those of headstart incidents list.
type listOptions struct {
	all    bool
	since  time.Duration
	output string
}

func incidentsListCommand() *cobra.Command {
	o := new(listOptions)
	c := &cobra.Command{
		Use:   "list",
		Short: "List incidents, those that people are told of first, the newest activity first",
		Long: `List the incidents that are not resolved: those that people are told of first, the
newest activity first. An incident that stays below the threshold is faint.`,
		Example: `  headstart incidents list
  headstart incidents list --all --since 168h --output json | jq -r .title`,
		Args: asUsage(cobra.NoArgs),
	}
	cl := newClient(c, func(f *daemon.Flags) {
		f.BoolVar(&o.all, "all", false, "list those too that are resolved")
		f.DurationVar(&o.since, "since", 0, "`time` back from now in which there was activity, such as 24h; 0 for any")
		f.StringVar(&o.output, "output", "text", "how to print incidents: `text` or json (JSON lines)")
		f.EnvName("all", "HEADSTART_LIST_ALL")
		f.EnvName("since", "HEADSTART_LIST_SINCE")
	})
	complete(c, "output", "text", "json")
	c.RunE = func(c *cobra.Command, _ []string) error {
		return cl.ask(c, o.check, func(ctx context.Context, b *bus.Bus) error {
			return o.run(ctx, b, c.OutOrStdout(), c.ErrOrStderr())
		})
	}
	return c
}

func (o *listOptions) check() error {
	if o.since < 0 {
		return daemon.Usage("--since %s: want a time such as 24h", o.since)
	}
	return checkOutput(o.output)
}

func (o *listOptions) run(ctx context.Context, b *bus.Bus, out, errs io.Writer) error {
	now := time.Now()
	list := incidentList{now: now, zone: time.Local}
	unreadable, err := lastStates(ctx, b, func(i *event.Incident) {
		list.ids = append(list.ids, i.ID)
		if !o.all && isOver(i) || o.since > 0 && now.Sub(i.LastActivityAt) > o.since {
			return
		}
		if o.output == "text" {
			i = outline(i)
		}
		list.incidents = append(list.incidents, i)
	})
	if err != nil {
		return err
	}
	if unreadable > 0 {
		fmt.Fprintf(errs, "%s could not be read\n", count(uint32(unreadable), "incident"))
	}
	slices.SortFunc(list.incidents, byUrgency)
	if o.output == "json" {
		screen := newConsole(out, "", true)
		for _, i := range list.incidents {
			screen.incident(i)
		}
		return nil
	}
	if len(list.incidents) == 0 {
		fmt.Fprintf(errs, "no such incidents; %d in all%s\n", len(list.ids), map[bool]string{false: ", --all lists the resolved too"}[o.all])
		return nil
	}
	_, err = io.WriteString(out, list.text(pageOf(out)))
	return err
}

// isOver reports whether nothing joins an incident any more.
func isOver(i *event.Incident) bool { return i.State == event.IncidentResolved || i.MergedInto != "" }

// outline is an incident without its long lists.
func outline(i *event.Incident) *event.Incident {
	short := *i
	short.Parts, short.Alerts, short.Path, short.Timeline, short.Next, short.Reasons, short.Response = nil, nil, nil, nil, nil, nil, event.Response{}
	return &short
}

// byUrgency orders those that people are told of first, the newest activity
// first.
func byUrgency(a, b *event.Incident) int {
	if a.Notified != b.Notified {
		if a.Notified {
			return -1
		}
		return 1
	}
	return cmp.Or(b.LastActivityAt.Compare(a.LastActivityAt), strings.Compare(a.ID, b.ID))
}

// incidentList is a table of incidents.
type incidentList struct {
	now       time.Time
	zone      *time.Location
	incidents []*event.Incident
	ids       []string // of all that there are
}

func (l *incidentList) text(p term.Page) string {
	rows := []term.Row{{
		Cells: faint("ID", "SEVERITY", "STATE", "SCORE", "OPENED", "ACTIVE", "HOSTS"), Rest: faint("TITLE"),
	}}
	length := distinct(l.ids)
	for _, i := range l.incidents {
		style, bad := term.Regular, report.Style(i.Severity)
		if !i.Notified {
			style, bad = term.Faint, term.Faint
		}
		title := i.Title
		if i.MergedInto != "" {
			title = "part of " + i.MergedInto[:min(length, len(i.MergedInto))] + ": " + title
		}
		rows = append(rows, term.Row{
			Cells: []term.Span{
				style.Of(i.ID[:min(length, len(i.ID))]), bad.Of(i.Severity.String()), style.Of(i.State.String()), style.Of(fmt.Sprintf("%.4g", i.Score)),
				style.Of(i.OpenedAt.In(l.zone).Format("2006-01-02 15:04")), style.Of(term.Ago(l.now.Sub(i.LastActivityAt)) + " ago"),
				style.Of(fmt.Sprint(len(i.Hosts))),
			},
			Rest: []term.Span{style.Of(title)},
		})
	}
	var b strings.Builder
	p.Table(&b, 0, rows)
	return b.String()
}

func faint(names ...string) (spans []term.Span) {
	for _, n := range names {
		spans = append(spans, term.Faint.Of(n))
	}
	return spans
}

// distinct returns how many bytes of the ids tell them apart, at least shortest.
func distinct(ids []string) int {
	sorted := slices.Sorted(slices.Values(ids))
	length := shortest
	for n := 1; n < len(sorted); n++ {
		a, b := sorted[n-1], sorted[n]
		same := 0
		for same < min(len(a), len(b)) && a[same] == b[same] {
			same++
		}
		length = max(length, same+1)
	}
	return length
}
