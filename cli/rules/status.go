package rules

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"headstart/cli/cmdutil"
	"headstart/daemon"
	"headstart/rulestore"
	"headstart/term"
)

func newStatus() *cobra.Command {
	var output cmdutil.Output
	c := &cobra.Command{
		Use:   "status",
		Short: "Show the active rules of a running system, and their counts",
		Long: `Show the active rules of a running system, their revision, author and time of
activation; rejected rules, and why; and for each rule how often it has fired, how
often its exceptions have suppressed it, and the cost of an evaluation. Exceptions
that have expired or expire within a week are marked.

Each correlator reports after every change and every minute, and is left out after
five minutes without a report. The exit code is 1 while rules are rejected.`,
		Example: `  headstart rules status
  headstart rules status --output json | jq -r '.each[] | select(.unless) | [.rule, .unless[].muted] | @tsv'`,
		Args: cmdutil.Args(cobra.NoArgs),
	}
	cl := cmdutil.NewClient(c, func(f *daemon.Flags) { output.Flag(f, "text", "json (JSON lines, one a correlator)") })
	output.Complete(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		return onStore(cl, c, output.Check, func(ctx context.Context, store *rulestore.Store) error {
			all, err := store.Statuses(ctx)
			if err != nil {
				return err
			}
			return writeStatuses(c.OutOrStdout(), all, output.JSON())
		})
	}
	return c
}

// writeStatuses writes the status of each rulestore. It returns an error if one
// has rejected rules.
func writeStatuses(out io.Writer, all []*rulestore.Status, asJSON bool) error {
	if len(all) == 0 {
		return errors.New("no correlator has reported its rules for five minutes: is one running?")
	}
	rejected, texts := 0, make([]string, len(all))
	for n, s := range all {
		if s.Rejected != nil {
			rejected++
		}
		texts[n] = statusText(s, time.Now(), cmdutil.Page(out))
	}
	var err error
	if asJSON {
		err = cmdutil.WriteJSON(out, all...)
	} else {
		err = cmdutil.Write(out, strings.Join(texts, "\n"))
	}
	if err == nil && rejected > 0 {
		err = fmt.Errorf("rules are rejected by %s", cmdutil.Count(rejected, "correlator"))
	}
	return err
}

// statusText formats the status of a rulestore.
func statusText(s *rulestore.Status, now time.Time, p term.Page) string {
	var b strings.Builder
	f := &s.Active
	fmt.Fprintf(&b, "%s: %s of %s active, %s", p.Paint(term.Bold, term.Plain(s.Instance)), cmdutil.Count(f.Count, "rule"),
		term.Plain(f.Source), term.Plain(f.Hash[:min(12, len(f.Hash))]))
	if f.Revision > 0 {
		fmt.Fprintf(&b, ",\nrevision %d, pushed by %s at %s: %s", f.Revision, term.Plain(f.Author), moment(f.PushedAt), term.Plain(f.Reason))
	}
	fmt.Fprintf(&b, ",\nsince %s (%s)\n", moment(f.Since), term.Ago(now.Sub(f.Since)))
	if r := s.Rejected; r != nil {
		what := term.Plain(r.Source)
		if r.Revision > 0 {
			what = fmt.Sprintf("%s, revision %d by %s,", what, r.Revision, term.Plain(r.Author))
		}
		fmt.Fprintf(&b, "\n%s at %s:\n%s\n", p.Paint(term.Red, what+" is rejected"), moment(r.At), cmdutil.PlainLines(r.Error))
	}
	if rows := ruleRows(s.Each, now); len(rows) > 1 {
		b.WriteByte('\n')
		p.Table(&b, 0, rows)
	}
	if rows := exceptionRows(s.Each, now); len(rows) > 1 {
		b.WriteByte('\n')
		p.Table(&b, 0, rows)
	}
	if s.Omitted > 0 {
		fmt.Fprintf(&b, "and %s more\n", cmdutil.Count(s.Omitted, "rule"))
	}
	return b.String()
}

func moment(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }

func ruleRows(each []rulestore.RuleStatus, now time.Time) []term.Row {
	rows := []term.Row{{Cells: cmdutil.Header("RULE", "FIRED", "LAST", "FAILED", "COST")}}
	each = slices.Clone(each)
	slices.SortStableFunc(each, func(a, b rulestore.RuleStatus) int {
		return cmp.Or(cmp.Compare(b.Fired, a.Fired), strings.Compare(a.Rule, b.Rule))
	})
	for i := range each {
		r := &each[i]
		if r.Fired+r.Failures == 0 && !r.Cut && r.Measured == 0 {
			continue
		}
		last, cost, failed := "", term.Regular.Of(""), term.Regular.Of("")
		if r.Fired > 0 {
			last = term.Ago(now.Sub(r.FiredLast)) + " ago"
		}
		if r.Measured > 0 {
			cost = term.Regular.Of(fmt.Sprintf("%.3gµs", r.Cost))
		}
		if r.Failures > 0 {
			failed = term.Red.Of(fmt.Sprint(r.Failures))
		}
		if r.Cut {
			cost = term.Red.Of("disabled: too slow")
		}
		rows = append(rows, term.Row{Cells: []term.Span{
			term.Regular.Of(term.Plain(r.Rule)), term.Regular.Of(fmt.Sprint(r.Fired)), term.Regular.Of(last), failed, cost,
		}})
	}
	return rows
}

func exceptionRows(each []rulestore.RuleStatus, now time.Time) []term.Row {
	rows := []term.Row{{Cells: cmdutil.Header("EXCEPTION OF", "SUPPRESSED", "SINCE", "LAST DAY"), Rest: cmdutil.Header("OWNER AND REASON")}}
	for i := range each {
		for _, e := range each[i].Unless {
			suppressed, since := "never", ""
			if e.Suppressed > 0 {
				suppressed, since = fmt.Sprintf("%d times", e.Suppressed), e.Since.Local().Format("2006-01-02 15:04")
				if e.Suppressed == 1 {
					suppressed = "once"
				}
			}
			last := term.Regular.Of(e.Expires.AddDate(0, 0, -1).Format(time.DateOnly))
			switch left := e.Expires.Sub(now); {
			case left <= 0:
				last = term.Red.Of(last.Text + ", expired")
			case left <= 7*24*time.Hour:
				last = term.Yellow.Of(last.Text + ", in " + term.Ago(left))
			}
			rows = append(rows, term.Row{
				Cells: []term.Span{term.Regular.Of(term.Plain(each[i].Rule)), term.Regular.Of(suppressed), term.Regular.Of(since), last},
				Rest:  []term.Span{term.Regular.Of(term.Plain(e.Owner) + ": " + term.Plain(e.Reason))},
			})
		}
	}
	return rows
}
