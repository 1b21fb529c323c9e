package rules

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"headstart/cli/cmdutil"
	"headstart/daemon"
	"headstart/detect/rule"
	"headstart/detect/rule/lint"
	"headstart/rulekit/reporter"
	"headstart/rulekit/ruletest"
	"headstart/term"
	"headstart/yamlsrc"
)

// checkOptions are those of headstart rules check.
type checkOptions struct {
	output cmdutil.Output
	strict bool
	now    string
}

func newCheck() *cobra.Command {
	o := new(checkOptions)
	c := &cobra.Command{
		Use:   "check [DIRECTORY…]",
		Short: "Report all mistakes and warnings in rules",
		Long: `Report everything that is wrong in rules, at once: mistakes, which prevent loading,
and warnings about what is probably not intended, such as a rule that never fires
or an exception that has expired.

Several directories are layers, and later ones win; default is the default ruleset,
which is checked if no directory is named. The exit code is 1 if there are
mistakes. docs/rule-check.md lists the warnings.`,
		Example: `  headstart rules check ./rules.expr
  headstart rules check default ./local --strict
  headstart rules check ./rules.expr --output github`,
		ValidArgsFunction: cmdutil.CompleteRuleLayers,
		RunE:              func(c *cobra.Command, dirs []string) error { return o.run(c.OutOrStdout(), dirs) },
	}
	f := c.Flags()
	o.output.Define(c, reporter.Formats()...)
	f.BoolVar(&o.strict, "strict", false, "treat warnings as mistakes")
	f.StringVar(&o.now, "now", "", "`day` for the check of expiries, such as 2026-12-31 (default: today)")
	return c
}

func (o *checkOptions) run(out io.Writer, dirs []string) error {
	now := time.Now().UTC()
	if o.now != "" {
		day, err := time.Parse(time.DateOnly, o.now)
		if err != nil {
			return daemon.Usage("--now %q: want a day such as 2026-12-31", o.now)
		}
		now = day
	}
	if err := o.output.Check(); err != nil {
		return err
	}
	layers, err := cmdutil.RuleLayers(dirs)
	if err != nil {
		return err
	}
	report := checkRules(layers, now)
	if o.output.Format == "text" {
		err = cmdutil.Write(out, checkText(report, cmdutil.Page(out)))
	} else {
		err = reporter.Write(out, o.output.Format, report)
	}
	if err != nil {
		return err
	}
	if len(report.Errors) > 0 || o.strict && len(report.Warnings) > 0 {
		return fmt.Errorf("%s, %s", cmdutil.Count(len(report.Errors), "mistake"), cmdutil.Count(len(report.Warnings), "warning"))
	}
	return nil
}

// checkRules checks layers and the syntax of their tests.
func checkRules(layers []rule.Layer, now time.Time) lint.Report {
	report := lint.Check(layers, nil, now)
	if report.Set == nil {
		return report
	}
	for _, r := range report.Set.Rules {
		if r.Tests != nil {
			_, mistakes := ruletest.Read(report.Set, r)
			report.Errors = append(report.Errors, mistakes...)
		}
	}
	return report
}

// checkText formats mistakes and warnings as text.
func checkText(report lint.Report, p term.Page) string {
	var b strings.Builder
	for _, e := range report.Errors {
		writeDiagnostic(&b, e, p, term.Red)
	}
	for _, e := range report.Warnings {
		writeDiagnostic(&b, e, p, term.Yellow)
	}
	if len(report.Errors) == 0 {
		fmt.Fprintf(&b, "%s checked, %s\n", cmdutil.Count(report.Rules, "rule"), cmdutil.Count(len(report.Warnings), "warning"))
	}
	return b.String()
}

// writeDiagnostic writes place, problem, and the line with a caret.
func writeDiagnostic(b *strings.Builder, e *yamlsrc.Diagnostic, p term.Page, style term.Style) {
	first, source, _ := strings.Cut(e.Error(), "\n")
	place, what, found := strings.Cut(first, ": ")
	if !found || !p.Colour {
		b.WriteString(first)
	} else {
		b.WriteString(p.Paint(term.Bold, place+":") + " " + p.Paint(style, what))
	}
	b.WriteByte('\n')
	if source != "" {
		line, caret, _ := strings.Cut(source, "\n")
		b.WriteString(p.Paint(term.Faint, line) + "\n" + p.Paint(style, caret) + "\n")
	}
}
