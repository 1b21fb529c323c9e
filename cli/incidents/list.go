package incidents

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
	"headstart/cli/cmdutil"
	"headstart/cli/console"
	"headstart/daemon"
	"headstart/event"
	"headstart/report"
	"headstart/term"
)

// listOptions are those of headstart incidents list.
type listOptions struct {
	all    bool
	since  time.Duration
	output cmdutil.Output
}

func newList() *cobra.Command {
	o := new(listOptions)
	c := &cobra.Command{
		Use:   "list",
		Short: "List incidents, notified ones first, the latest activity first",
		Long: `List the incidents that are not resolved: notified ones first, the latest activity
first. An incident below the threshold is faint.`,
		Example: `  headstart incidents list
  headstart incidents list --all --since 168h --output json | jq -r .title`,
		Args: cmdutil.Args(cobra.NoArgs),
	}
	cl := cmdutil.NewClient(c, func(f *daemon.Flags) {
		f.BoolVar(&o.all, "all", false, "include resolved incidents")
		f.DurationVar(&o.since, "since", 0, "`duration` before now with activity, such as 24h; 0 for any")
		o.output.Flag(f, "text", "json (JSON lines)")
		f.EnvName("all", "HEADSTART_LIST_ALL")
		f.EnvName("since", "HEADSTART_LIST_SINCE")
	})
	o.output.Complete(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		return cl.Run(c, o.check, func(ctx context.Context, b *bus.Bus) error {
			return o.run(ctx, b, c.OutOrStdout(), c.ErrOrStderr())
		})
	}
	return c
}

func (o *listOptions) check() error {
	if o.since < 0 {
		return daemon.Usage("--since %s: want a duration such as 24h, or 0", o.since)
	}
	return o.output.Check()
}

func (o *listOptions) run(ctx context.Context, b *bus.Bus, out, errs io.Writer) error {
	now := time.Now()
	list := incidentList{now: now, zone: time.Local}
	unreadable, err := lastStates(ctx, b, func(i *event.Incident) {
		list.ids = append(list.ids, i.ID)
		if !o.all && isOver(i) || o.since > 0 && now.Sub(i.LastActivityAt) > o.since {
			return
		}
		if !o.output.JSON() {
			i = outline(i)
		}
		list.incidents = append(list.incidents, i)
	})
	if err != nil {
		return err
	}
	if unreadable > 0 {
		fmt.Fprintf(errs, "unreadable: %s\n", cmdutil.Count(unreadable, "incident"))
	}
	slices.SortFunc(list.incidents, byUrgency)
	if o.output.JSON() {
		screen := console.New(out, "", true)
		for _, i := range list.incidents {
			screen.Incident(i)
		}
		return nil
	}
	if len(list.incidents) == 0 {
		fmt.Fprintf(errs, "no matching incidents of %d%s\n", len(list.ids), map[bool]string{false: "; --all includes resolved ones"}[o.all])
		return nil
	}
	return cmdutil.Write(out, list.text(cmdutil.Page(out)))
}

// isOver reports whether an incident is resolved or merged into another.
func isOver(i *event.Incident) bool { return i.State == event.IncidentResolved || i.MergedInto != "" }

// outline returns an incident without its long lists.
func outline(i *event.Incident) *event.Incident {
	short := *i
	short.Parts, short.Alerts, short.Path, short.Timeline, short.Next, short.Reasons, short.Response = nil, nil, nil, nil, nil, nil, event.Response{}
	return &short
}

// byUrgency orders notified incidents first, then by the latest activity.
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
	ids       []string // of all incidents
}

func (l *incidentList) text(p term.Page) string {
	rows := []term.Row{{
		Cells: cmdutil.Header("ID", "SEVERITY", "STATE", "SCORE", "OPENED", "ACTIVE", "HOSTS"), Rest: cmdutil.Header("TITLE"),
	}}
	length := distinct(l.ids)
	for _, i := range l.incidents {
		style, bad := term.Regular, report.Style(i.Severity)
		if !i.Notified {
			style, bad = term.Faint, term.Faint
		}
		title := i.Title
		if i.MergedInto != "" {
			title = "merged into " + i.MergedInto[:min(length, len(i.MergedInto))] + ": " + title
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

// distinct returns how many bytes distinguish the ids, at least
// [console.ShortestID].
func distinct(ids []string) int {
	sorted := slices.Sorted(slices.Values(ids))
	length := console.ShortestID
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
