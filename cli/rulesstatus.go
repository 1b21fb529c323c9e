package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"headstart/bus"
	"headstart/daemon"
	"headstart/rulestore"
	"headstart/services/correlator"
	"headstart/term"
)

func rulesStatusCommand() *cobra.Command {
	output := "text"
	c := &cobra.Command{
		Use:   "status",
		Short: "Say which rules are in force in a running system, and what has happened with them",
		Long: `Say which rules are in force in a running system, since when and who pushed them;
which were refused, and why; and of each rule how often it has fired, how often an
exception has muted it, and what an evaluation takes. Exceptions that have expired
or will within a week are marked.

Each correlator tells this when something changes and every minute, and is left
out when it hasn't for five. The exit code is 1 while rules are refused.`,
		Example: `  headstart rules status
  headstart rules status --output json | jq -r '.each[] | select(.unless) | [.rule, .unless[].muted] | @tsv'`,
		Args: asUsage(cobra.NoArgs),
	}
	cl := newClient(c, func(f *daemon.Flags) {
		f.StringVar(&output, "output", "text", "how to print it: `text` or json (JSON lines, one a correlator)")
	})
	complete(c, "output", "text", "json")
	c.RunE = func(c *cobra.Command, _ []string) error {
		return cl.ask(c, func() error { return checkOutput(output) }, func(ctx context.Context, b *bus.Bus) error {
			store, err := rulestore.Open(ctx, b)
			if err != nil {
				return noRules(err)
			}
			all, err := store.Statuses(ctx)
			if err != nil {
				return err
			}
			if len(all) == 0 {
				return fmt.Errorf("no correlator has told which rules it has in force for five minutes: does one run?")
			}
			screen, refused := newConsole(c.OutOrStdout(), "", true), 0
			for n, s := range all {
				if s.Refused != nil {
					refused++
				}
				if output == "json" {
					screen.line(s)
					continue
				}
				text := statusText(s, time.Now(), pageOf(c.OutOrStdout()))
				if n > 0 {
					text = "\n" + text
				}
				if err := write(c.OutOrStdout(), text); err != nil {
					return err
				}
			}
			if refused > 0 {
				return fmt.Errorf("rules are refused by %s", count(uint32(refused), "correlator"))
			}
			return nil
		})
	}
	return c
}

// statusText shows what a correlator says of its rules.
func statusText(s *correlator.Status, now time.Time, p term.Page) string {
	var b strings.Builder
	f := &s.InForce
	fmt.Fprintf(&b, "%s has %s of %s in force, %s", p.Paint(term.Bold, term.Plain(s.Instance)), count(uint32(f.Count), "rule"),
		term.Plain(f.Source), term.Plain(f.Hash[:min(12, len(f.Hash))]))
	if f.Revision > 0 {
		fmt.Fprintf(&b, ",\nrevision %d, which %s pushed at %s: %s", f.Revision, term.Plain(f.Author), moment(f.PushedAt), term.Plain(f.Reason))
	}
	fmt.Fprintf(&b, ",\nsince %s (%s)\n", moment(f.Since), term.Ago(now.Sub(f.Since)))
	if r := s.Refused; r != nil {
		what := term.Plain(r.Source)
		if r.Revision > 0 {
			what = fmt.Sprintf("%s, revision %d by %s,", what, r.Revision, term.Plain(r.Author))
		}
		fmt.Fprintf(&b, "\n%s at %s:\n%s\n", p.Paint(term.Red, what+" is refused"), moment(r.At), plainLines(r.Error))
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
		fmt.Fprintf(&b, "and %s more\n", count(uint32(s.Omitted), "rule"))
	}
	return b.String()
}

func moment(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }

func ruleRows(each []correlator.RuleStatus, now time.Time) []term.Row {
	rows := []term.Row{{Cells: faint("RULE", "FIRED", "LAST", "FAILED", "TAKES")}}
	each = slices.Clone(each)
	slices.SortStableFunc(each, func(a, b correlator.RuleStatus) int {
		return cmp.Or(cmp.Compare(b.Fired, a.Fired), strings.Compare(a.Rule, b.Rule))
	})
	for i := range each {
		r := &each[i]
		if r.Fired+r.Failures == 0 && !r.Cut && r.Measured == 0 {
			continue
		}
		last, takes, failed := "", term.Regular.Of(""), term.Regular.Of("")
		if r.Fired > 0 {
			last = term.Ago(now.Sub(r.FiredLast)) + " ago"
		}
		if r.Measured > 0 {
			takes = term.Regular.Of(fmt.Sprintf("%.3gµs", r.Cost))
		}
		if r.Failures > 0 {
			failed = term.Red.Of(fmt.Sprint(r.Failures))
		}
		if r.Cut {
			takes = term.Red.Of("cut off: too slow")
		}
		rows = append(rows, term.Row{Cells: []term.Span{
			term.Regular.Of(term.Plain(r.Rule)), term.Regular.Of(fmt.Sprint(r.Fired)), term.Regular.Of(last), failed, takes,
		}})
	}
	return rows
}

func exceptionRows(each []correlator.RuleStatus, now time.Time) []term.Row {
	rows := []term.Row{{Cells: faint("EXCEPTION OF", "MUTED", "SINCE", "LAST DAY"), Rest: faint("WHOSE AND WHY")}}
	for i := range each {
		for _, e := range each[i].Unless {
			muted, since := "never", ""
			if e.Muted > 0 {
				muted, since = fmt.Sprintf("%d times", e.Muted), e.Since.Local().Format("2006-01-02 15:04")
				if e.Muted == 1 {
					muted = "once"
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
				Cells: []term.Span{term.Regular.Of(term.Plain(each[i].Rule)), term.Regular.Of(muted), term.Regular.Of(since), last},
				Rest:  []term.Span{term.Regular.Of(term.Plain(e.Owner) + ": " + term.Plain(e.Reason))},
			})
		}
	}
	return rows
}
