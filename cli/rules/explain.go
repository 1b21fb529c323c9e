package rules

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"headstart/cli/cmdutil"
	"headstart/cli/history"
	"headstart/daemon"
	"headstart/replay"
	"headstart/rulekit/explain"
	"headstart/term"
)

// explainOptions are those of headstart rules explain.
type explainOptions struct {
	history.History
	rule     string
	dirs     []string
	subject  explain.Subject
	from, to string
	alert    string
	limit    int
	output   cmdutil.Output
}

func newExplain() *cobra.Command {
	o := new(explainOptions)
	c := &cobra.Command{
		Use:   "explain RULE --conn ID | --alert ID | --host HOST",
		Short: "Explain why a rule fired, or why it did not",
		Long: `Explain why a rule fired on a connection, or why it did not: each part of its
condition with its value, the exceptions that match or have expired, the state of a
count, a sequence or a path at that time, and the later evaluations of a pending
rule.

The history is replayed through the tracker and the correlator, so that the baseline
is the one of that time. It is what the running system has stored (30 days of
connections; the system is not affected), or recorded traffic: Zeek's conn.log
(--conn-log), or a recording of 'headstart record' (--snapshots). For a running
system the search covers the last 7 days (--since), and the replay begins --learn
earlier.

A connection is named by its id, as in alerts and in 'headstart run --show
connections', or by the beginning of it; so is an alert. Without an id, all
connections of a host are evaluated, or those that --peer, --port, --from and --to
select: the report counts them by the part that failed, and shows the closest ones.`,
		Example: `  headstart rules explain ssh-session-long --conn 51ab0c3e
  headstart rules explain ssh-then-database --alert 9f2c11d0
  headstart rules explain smb-from-web-server --host web-01 --peer fs-01 --from 2025-06-05T15:00:00Z --to 2025-06-05T16:00:00Z
  headstart rules explain unanswered-sweep --host web-01 --conn-log conn.log --inventory inventory.yaml --rules ./rules.expr`,
		Args: cmdutil.Args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			o.rule = args[0]
			return o.run(c)
		},
	}
	o.History.Flags(c)
	f := c.Flags()
	f.StringSliceVar(&o.dirs, "rules", nil, "`directories` of rules, later ones win (default: the active rules of the running system; with a recording the default ruleset)")
	f.StringVar(&o.subject.Connection, "conn", "", "`id` of a connection, or the beginning of it")
	f.StringVar(&o.alert, "alert", "", "`id` of an alert of the rule, or the beginning of it")
	f.StringVar(&o.subject.Host, "host", "", "`name` of the host that reports the connections")
	f.StringVar(&o.subject.Peer, "peer", "", "`name` or address of the peer")
	f.Uint16Var(&o.subject.Port, "port", 0, "`port` of the service")
	f.StringVar(&o.from, "from", "", "earliest `time` at which connections were open, such as 2025-06-05T15:00:00Z")
	f.StringVar(&o.to, "to", "", "latest `time` at which connections were opened, such as 2025-06-05T16:00:00Z")
	f.IntVar(&o.limit, "limit", 3, "`number` of connections to show, 1 to 200")
	o.output.Define(c, "text", "json (one object)")
	c.MarkFlagDirname("rules")
	c.ValidArgsFunction = completeRules
	return c
}

var idPrefix = regexp.MustCompile(`^[0-9a-fA-F]+$`)

const maxCases = 200 // of --limit

// check returns a usage error that holds every mistake.
func (o *explainOptions) check() (p history.Plan, err error) {
	var problems []error
	p, err = o.History.Check()
	problems = append(problems, err, o.output.Check())
	if o.subject.Connection == "" && o.alert == "" && o.subject.Host == "" {
		problems = append(problems, daemon.Usage("want connections to explain: --conn ID, --alert ID, or --host HOST with --peer, --port, --from, --to"))
	}
	for flag, id := range map[string]string{"conn": o.subject.Connection, "alert": o.alert} {
		if id != "" && !idPrefix.MatchString(id) {
			problems = append(problems, daemon.Usage("--%s %q: want an id, or the beginning of it: hexadecimal digits", flag, id))
		}
	}
	if o.alert != "" && (o.subject.Connection != "" || o.subject.Host != "") {
		problems = append(problems, daemon.Usage("--alert excludes --conn and --host: it determines the connection"))
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
	if o.limit < 1 || o.limit > maxCases {
		problems = append(problems, daemon.Usage("--limit %d: want 1 to %d", o.limit, maxCases))
	}
	return p, errors.Join(problems...)
}

func (o *explainOptions) run(c *cobra.Command) error {
	p, err := o.check()
	if err != nil {
		return err
	}
	var set ruleset
	if err := set.loadFor(&o.History, o.dirs, p.Internal()); err != nil {
		return daemon.Usage("--rules: want directories with valid rules:\n%w", err)
	}
	var report *explain.Report
	err = set.onHistory(c, &o.History, p, func(ctx context.Context, h *history.Past) error {
		report, err = o.explain(ctx, &set, h)
		return err
	})
	if err != nil {
		return err
	}
	out := c.OutOrStdout()
	if o.output.JSON() {
		err = cmdutil.WriteJSON(out, report)
	} else {
		err = cmdutil.Write(out, report.Text(cmdutil.Page(out)))
	}
	if err == nil && len(report.Cases) == 0 {
		err = fmt.Errorf("nothing to explain: %s", report.Because)
	}
	return err
}

func (o *explainOptions) explain(ctx context.Context, set *ruleset, h *history.Past) (*explain.Report, error) {
	r, err := set.find(o.rule)
	if err != nil {
		return nil, err
	}
	side := silentSide(set, h)
	if o.alert != "" {
		if err := o.selectAlert(ctx, side, h); err != nil {
			return nil, err
		}
	}
	q := explain.New(set.Set, r, o.subject)
	side.Begin, side.Applied = q.Begin, q.Applied
	totals, err := replay.RunAll(ctx, h.Feed, []replay.Variant{side})
	if err != nil {
		return nil, err
	}
	h.Replayed(totals[0])
	report := q.Report(o.limit)
	if o.subject.Connection != "" && report.Connections > 1 {
		return nil, ambiguousConnection(o.subject.Connection, q.Report(maxNamed))
	}
	if o.alert != "" && report.Outcome != explain.Fired {
		report.Notes = append(report.Notes, "This replay doesn't raise the alert: the rules or the known history have changed. A longer --warm-up may help.")
	}
	if c := report.Cases; len(c) > 0 && len(c[0].Evaluations) > 0 {
		if learned := h.First.Add(o.Learn); o.Learn >= 24*time.Hour && c[0].Evaluations[0].At.Before(learned) {
			report.Notes = append(report.Notes, fmt.Sprintf("Hosts are still learning until %s (--learn %s): until then, nothing counts as unusual.", history.Minute(learned), term.Duration(o.Learn)))
		}
	}
	report.Notes = append(report.Notes, h.Notes()...)
	return report, nil
}

// maxNamed bounds the candidates that the error for an ambiguous id lists.
const maxNamed = 10

func ambiguousConnection(id string, r *explain.Report) error {
	var lines []string
	for _, c := range r.Cases {
		lines = append(lines, fmt.Sprintf("  %s  %s", c.Connection.ID, term.Plain(c.String())))
	}
	slices.Sort(lines)
	if r.Connections > len(lines) {
		lines = append(lines, fmt.Sprintf("  and %d others", r.Connections-len(lines)))
	}
	return daemon.Usage("connection %s is ambiguous; give more of the id:\n%s", id, strings.Join(lines, "\n"))
}

// silentSide replays rules and drops the results.
func silentSide(set *ruleset, h *history.Past) replay.Variant {
	return replay.Variant{Sink: ignored{}, Options: replay.Options{Rules: set.Set, Correlation: h.Detect}}
}

// selectAlert selects the connection of an alert.
func (o *explainOptions) selectAlert(ctx context.Context, side replay.Variant, h *history.Past) error {
	a, err := findAlert(ctx, h, side, alertID{o.rule, o.alert})
	if err != nil {
		return err
	}
	o.subject.Host, o.subject.Alert = a.Host, a.ID
	if !a.Connection.OpenedBefore.IsZero() {
		o.subject.Connection = a.Connection.ID.String()
	}
	if h.Bus != nil && o.Since == "" { // later events don't explain it
		h.Until = a.storedAt.Add(2 * time.Minute)
		h.From, h.ReadAt = a.At.Add(-time.Hour), a.At.Add(-time.Hour-o.Learn)
	}
	return nil
}
