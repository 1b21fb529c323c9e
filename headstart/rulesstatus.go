package main

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
	"headstart/headstart/layout"
	"headstart/headstart/pushed"
	"headstart/services/correlator"
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
			store, err := pushed.Open(ctx, b)
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
func statusText(s *correlator.Status, now time.Time, p layout.Page) string {
	var b strings.Builder
	f := &s.InForce
	fmt.Fprintf(&b, "%s has %s of %s in force, %s", p.Paint(layout.Bold, layout.Plain(s.Instance)), count(uint32(f.Count), "rule"),
		layout.Plain(f.Source), layout.Plain(f.Hash[:min(12, len(f.Hash))]))
	if f.Revision > 0 {
		fmt.Fprintf(&b, ",\nrevision %d, which %s pushed at %s: %s", f.Revision, layout.Plain(f.Author), moment(f.PushedAt), layout.Plain(f.Reason))
	}
	fmt.Fprintf(&b, ",\nsince %s (%s)\n", moment(f.Since), layout.Ago(now.Sub(f.Since)))
	if r := s.Refused; r != nil {
		what := layout.Plain(r.Source)
		if r.Revision > 0 {
			what = fmt.Sprintf("%s, revision %d by %s,", what, r.Revision, layout.Plain(r.Author))
		}
		fmt.Fprintf(&b, "\n%s at %s:\n%s\n", p.Paint(layout.Red, what+" is refused"), moment(r.At), plainLines(r.Error))
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

func ruleRows(each []correlator.RuleStatus, now time.Time) []layout.Row {
	rows := []layout.Row{{Cells: faint("RULE", "FIRED", "LAST", "FAILED", "TAKES")}}
	each = slices.Clone(each)
	slices.SortStableFunc(each, func(a, b correlator.RuleStatus) int {
		return cmp.Or(cmp.Compare(b.Fired, a.Fired), strings.Compare(a.Rule, b.Rule))
	})
	for i := range each {
		r := &each[i]
		if r.Fired+r.Failures == 0 && !r.Cut && r.Measured == 0 {
			continue
		}
		last, takes, failed := "", layout.Regular.Of(""), layout.Regular.Of("")
		if r.Fired > 0 {
			last = layout.Ago(now.Sub(r.FiredLast)) + " ago"
		}
		if r.Measured > 0 {
			takes = layout.Regular.Of(fmt.Sprintf("%.3gµs", r.Cost))
		}
		if r.Failures > 0 {
			failed = layout.Red.Of(fmt.Sprint(r.Failures))
		}
		if r.Cut {
			takes = layout.Red.Of("cut off: too slow")
		}
		rows = append(rows, layout.Row{Cells: []layout.Span{
			layout.Regular.Of(layout.Plain(r.Rule)), layout.Regular.Of(fmt.Sprint(r.Fired)), layout.Regular.Of(last), failed, takes,
		}})
	}
	return rows
}

func exceptionRows(each []correlator.RuleStatus, now time.Time) []layout.Row {
	rows := []layout.Row{{Cells: faint("EXCEPTION OF", "MUTED", "SINCE", "LAST DAY"), Rest: faint("WHOSE AND WHY")}}
	for i := range each {
		for _, e := range each[i].Unless {
			muted, since := "never", ""
			if e.Muted > 0 {
				muted, since = fmt.Sprintf("%d times", e.Muted), e.Since.Local().Format("2006-01-02 15:04")
				if e.Muted == 1 {
					muted = "once"
				}
			}
			last := layout.Regular.Of(e.Expires.AddDate(0, 0, -1).Format(time.DateOnly))
			switch left := e.Expires.Sub(now); {
			case left <= 0:
				last = layout.Red.Of(last.Text + ", expired")
			case left <= 7*24*time.Hour:
				last = layout.Yellow.Of(last.Text + ", in " + layout.Ago(left))
			}
			rows = append(rows, layout.Row{
				Cells: []layout.Span{layout.Regular.Of(layout.Plain(each[i].Rule)), layout.Regular.Of(muted), layout.Regular.Of(since), last},
				Rest:  []layout.Span{layout.Regular.Of(layout.Plain(e.Owner) + ": " + layout.Plain(e.Reason))},
			})
		}
	}
	return rows
}
