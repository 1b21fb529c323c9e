package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"headstart/bus"
	"headstart/daemon"
	"headstart/detect"
	"headstart/detect/baseline"
	"headstart/detect/rule"
	"headstart/event"
	"headstart/replay"
	"headstart/rulekit/explain"
	"headstart/suggest"
	"headstart/term"
)

// explainOptions are those of headstart rules explain.
type explainOptions struct {
	history
	rule     string
	dirs     []string
	subject  explain.Subject
	from, to string
	alert    string
	limit    int
	output   string
}

func rulesExplainCommand() *cobra.Command {
	o := new(explainOptions)
	c := &cobra.Command{
		Use:   "explain RULE --conn ID | --alert ID | --host HOST",
		Short: "Say why a rule fired, or why it did not",
		Long: `Say why a rule fired on a connection, or why it did not: each part of its condition
with its value, the exceptions that hold or have expired, what a count, a sequence
or a path had at that moment, and when a rule that waits was asked again.

The history is replayed through the tracker's and the correlator's own state
machines, so that what is known as normal is what was known then. It is what the
running system keeps (30 days of connections; nothing changes for the system), or
recorded traffic: Zeek's conn.log (--conn-log), or what 'headstart record' recorded
(--snapshots). Of a running system the last 7 days are looked at (--since), and as
long as --learn before them is read.

A connection is named by its id, as alerts and 'headstart run --show connections'
print it, or by the beginning of it; an alert likewise. Without an id, all
connections of a host are looked at, fewer with --peer, --port, --from and --to:
how many there were and what the rule failed for, and those on which it came
furthest.`,
		Example: `  headstart rules explain ssh-session-long --conn 51ab0c3e
  headstart rules explain ssh-then-database --alert 9f2c11d0
  headstart rules explain smb-from-web-server --host web-01 --peer fs-01 --from 2025-06-05T15:00:00Z --to 2025-06-05T16:00:00Z
  headstart rules explain unanswered-sweep --host web-01 --conn-log conn.log --inventory inventory.yaml --rules ./rules.expr`,
		Args: asUsage(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			o.rule = args[0]
			return o.run(c)
		},
	}
	o.history.flags(c)
	f := c.Flags()
	f.StringSliceVar(&o.dirs, "rules", nil, "`directories` of rules, of which a later one wins (default: the rules in force in the running system; with a recording the pack that comes with headstart)")
	f.StringVar(&o.subject.Connection, "conn", "", "`id` of a connection, or its beginning")
	f.StringVar(&o.alert, "alert", "", "`id` of an alert of the rule, or its beginning")
	f.StringVar(&o.subject.Host, "host", "", "`name` of the host that reports the connections")
	f.StringVar(&o.subject.Peer, "peer", "", "`name` or address of the other end")
	f.Uint16Var(&o.subject.Port, "port", 0, "`port` of the service")
	f.StringVar(&o.from, "from", "", "`time` at which connections were still seen, such as 2025-06-05T15:00:00Z")
	f.StringVar(&o.to, "to", "", "`time` by which they had begun")
	f.IntVar(&o.limit, "limit", 3, "`number` of connections to show, at most")
	f.StringVar(&o.output, "output", "text", "how to print what was found: `text` or json (one object)")
	complete(c, "output", "text", "json")
	c.MarkFlagDirname("rules")
	c.ValidArgsFunction = completeRules
	return c
}

// completeRules offers the rules of the pack that comes with headstart.
func completeRules(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	set, err := loadRules([]string{defaultPack}, nil)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var ids []string
	for _, r := range set.Rules {
		ids = append(ids, cobra.CompletionWithDesc(r.ID, r.Title))
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}

var beginningOfID = regexp.MustCompile(`^[0-9a-fA-F]+$`)

const mostCases = 200 // that --limit can ask for

// check returns a usage error that holds every mistake.
func (o *explainOptions) check() (p historyPlan, err error) {
	var problems []error
	p, err = o.history.check()
	problems = append(problems, err, checkOutput(o.output))
	if o.subject.Connection == "" && o.alert == "" && o.subject.Host == "" {
		problems = append(problems, daemon.Usage("say which connections: --conn ID, --alert ID, or --host HOST and what narrows it down"))
	}
	for flag, id := range map[string]string{"conn": o.subject.Connection, "alert": o.alert} {
		if id != "" && !beginningOfID.MatchString(id) {
			problems = append(problems, daemon.Usage("--%s %q: want an id, or its beginning: hexadecimal digits", flag, id))
		}
	}
	if o.alert != "" && (o.subject.Connection != "" || o.subject.Host != "") {
		problems = append(problems, daemon.Usage("--alert says which connection it is about; it goes without --conn and --host"))
	}
	for flag, at := range map[string]struct {
		text string
		to   *time.Time
	}{"from": {o.from, &o.subject.From}, "to": {o.to, &o.subject.To}} {
		if at.text == "" {
			continue
		}
		if *at.to, err = time.Parse(time.RFC3339, at.text); err != nil {
			problems = append(problems, daemon.Usage("--%s %q: want a time such as 2025-06-05T18:00:00Z", flag, at.text))
		}
	}
	if o.limit < 1 || o.limit > mostCases {
		problems = append(problems, daemon.Usage("--limit %d: want 1 to %d", o.limit, mostCases))
	}
	return p, errors.Join(problems...)
}

func (o *explainOptions) run(c *cobra.Command) error {
	p, err := o.check()
	if err != nil {
		return err
	}
	var set *rule.Set
	if dirs := o.dirs; len(dirs) > 0 || !o.isRunning() {
		if len(dirs) == 0 {
			dirs = []string{defaultPack}
		}
		if set, err = loadRules(dirs, p.internal()); err != nil {
			return daemon.Usage("--rules: want directories of rules that have no mistakes:\n%w", err)
		}
	}
	bar := newProgress(c.ErrOrStderr())
	defer bar.done()
	var report *explain.Report
	err = o.open(c, p, bar, func(ctx context.Context, h *past) error {
		if set == nil {
			if set, _, err = rulesInForce(ctx, h.bus, p.internal()); err != nil {
				return err
			}
		}
		report, err = o.explain(ctx, set, h)
		return err
	})
	bar.done()
	if err != nil {
		return err
	}
	if err := o.print(report, c); err != nil {
		return err
	}
	if len(report.Cases) == 0 {
		return fmt.Errorf("nothing to explain: %s", report.Because)
	}
	return nil
}

func (o *explainOptions) explain(ctx context.Context, set *rule.Set, h *past) (*explain.Report, error) {
	r := set.Rule(o.rule)
	if r == nil {
		var ids []string
		for _, one := range set.Rules {
			ids = append(ids, one.ID)
		}
		return nil, daemon.Usage("there is no rule %q%s", o.rule, suggest.DidYouMean(o.rule, ids))
	}
	if o.alert != "" {
		if err := o.about(ctx, set, h); err != nil {
			return nil, err
		}
	}
	q := explain.New(set, r, o.subject)
	side := o.side(set, h)
	side.Begin, side.Applied = q.Begin, q.Applied
	totals, err := replay.RunAll(ctx, h.feed, []replay.Side{side})
	if err != nil {
		return nil, err
	}
	h.ended(totals[0])
	report := q.Report(o.limit)
	if o.subject.Connection != "" && report.Connections > 1 {
		return nil, ambiguousConnection(o.subject.Connection, q.Report(maxNamed))
	}
	if o.alert != "" && report.Outcome != explain.Fired {
		report.Notes = append(report.Notes, "The alert was raised, and in this replay it is not: the rules were others then, or more was known than the history tells. A longer --warm-up may help.")
	}
	if c := report.Cases; len(c) > 0 && len(c[0].Evaluations) > 0 {
		if learnt := h.first.Add(o.learn); o.learn >= 24*time.Hour && c[0].Evaluations[0].At.Before(learnt) {
			report.Notes = append(report.Notes, fmt.Sprintf("Until %s hosts were still learnt (--learn %s): nothing is unusual on them by then.", utcMinute(learnt), term.Duration(o.learn)))
		}
	}
	report.Notes = append(report.Notes, o.historyNotes(h)...)
	return report, nil
}

func ambiguousConnection(id string, r *explain.Report) error {
	var lines []string
	for _, c := range r.Cases {
		lines = append(lines, fmt.Sprintf("  %s  %s", c.Connection.ID, term.Plain(c.String())))
	}
	slices.Sort(lines)
	if r.Connections > len(lines) {
		lines = append(lines, fmt.Sprintf("  and %d others", r.Connections-len(lines)))
	}
	return daemon.Usage("%s can mean several connections; say more of the id:\n%s", id, strings.Join(lines, "\n"))
}

// historyNotes are what has to be known of the history.
func (o *explainOptions) historyNotes(h *past) (notes []string) {
	for _, note := range h.notes(o.learn) {
		if !strings.HasPrefix(note, "Until ") {
			notes = append(notes, note)
		}
	}
	return notes
}

func (o *explainOptions) side(set *rule.Set, h *past) replay.Side {
	return replay.Side{Sink: ignored{}, Options: replay.Options{Rules: set, Correlation: detect.Options{
		Inventory: h.inventory, Baseline: baseline.Options{Learning: o.learn},
	}}}
}

// about makes the connection that an alert is about the subject.
func (o *explainOptions) about(ctx context.Context, set *rule.Set, h *past) error {
	a, err := h.alert(ctx, o.side(set, h), o.rule, o.alert)
	if err != nil {
		return err
	}
	o.subject.Host, o.subject.Alert = a.Host, a.ID
	if !a.Connection.OpenedBefore.IsZero() {
		o.subject.Connection = a.Connection.ID.String()
	}
	if h.bus != nil && o.since == "" { // what came long after it explains nothing
		h.until = a.storedAt.Add(2 * time.Minute)
		h.from, h.asked = a.At.Add(-time.Hour), a.At.Add(-time.Hour-o.learn)
	}
	return nil
}

// storedAlert is an alert, and when a stream stored it.
type storedAlert struct {
	*event.Alert
	storedAt time.Time // zero in a replay
}

// alert finds the alert of a rule that an id, or the beginning of one, means:
// among those that the system keeps, or those that a replay raises.
func (h *past) alert(ctx context.Context, side replay.Side, rule, id string) (storedAlert, error) {
	found := map[string]storedAlert{}
	note := func(a *event.Alert, storedAt time.Time) {
		if a.Rule == rule && strings.HasPrefix(a.ID, strings.ToLower(id)) && len(found) < maxNamed {
			found[a.ID] = storedAlert{a, storedAt}
		}
	}
	var err error
	if h.bus != nil {
		err = noStream(h.bus.ReadSince(ctx, event.StreamAlerts, time.Time{}, func(m bus.Message) error {
			if a, err := event.DecodeAlert(m.Data); err == nil {
				note(a, m.StoredAt)
			}
			return nil
		}))
	} else {
		side.Begin = nil
		side.Applied = func(out *detect.Output) {
			for _, a := range out.Alerts {
				note(a, time.Time{})
			}
		}
		_, err = replay.RunAll(ctx, h.feed, []replay.Side{side})
	}
	if err != nil {
		return storedAlert{}, err
	}
	if len(found) == 0 {
		return storedAlert{}, fmt.Errorf("the rule %s has no alert whose id begins with %s there", rule, id)
	}
	var lines []string
	var one storedAlert
	for _, one = range found {
		lines = append(lines, fmt.Sprintf("  %s  %s  %s", one.ID, one.At.UTC().Format(time.DateTime), term.Plain(one.Host)))
	}
	if len(found) > 1 {
		slices.Sort(lines)
		return storedAlert{}, daemon.Usage("%s can mean several alerts; say more of the id:\n%s", id, strings.Join(lines, "\n"))
	}
	return one, nil
}

func (o *explainOptions) print(r *explain.Report, c *cobra.Command) error {
	if o.output == "json" {
		return writeJSON(c.OutOrStdout(), r)
	}
	return write(c.OutOrStdout(), r.Text(pageOf(c.OutOrStdout())))
}

func writeJSON(out io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	return write(out, term.PlainJSON(b.Bytes()))
}
