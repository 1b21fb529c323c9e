package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

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
	output string
	strict bool
	now    string
}

func rulesCheckCommand() *cobra.Command {
	o := new(checkOptions)
	c := &cobra.Command{
		Use:   "check [DIRECTORY…]",
		Short: "Say everything that is wrong with rules, at once",
		Long: `Say everything that is wrong with rules, at once: mistakes, with which they can't
be loaded, and warnings of what is hardly meant, such as a rule that can never
fire or an exception that has expired.

Several directories are layers, of which a later one wins; default is the pack
that comes with headstart, and what is checked if none is named. The exit code is
1 if there are mistakes. docs/rule-check.md lists the warnings.`,
		Example: `  headstart rules check ./rules.expr
  headstart rules check default ./local --strict
  headstart rules check ./rules.expr --output github`,
		ValidArgsFunction: completeLayers,
		RunE:              func(c *cobra.Command, dirs []string) error { return o.run(c.OutOrStdout(), dirs) },
	}
	f := c.Flags()
	f.StringVar(&o.output, "output", "text", "how to print what is wrong: `text`, json (JSON lines), github (annotations) or sarif")
	f.BoolVar(&o.strict, "strict", false, "take warnings for mistakes")
	f.StringVar(&o.now, "now", "", "`day` on which exceptions are looked at, such as 2026-12-31 (default: today)")
	complete(c, "output", reporter.Formats()...)
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
	if !reporter.IsFormat(o.output) {
		return daemon.Usage("--output %q: want %s", o.output, strings.Join(reporter.Formats(), ", "))
	}
	layers, err := ruleLayers(dirs)
	if err != nil {
		return err
	}
	report := checkRules(layers, now)
	if o.output == "text" {
		err = write(out, checkText(report, pageOf(out)))
	} else {
		err = reporter.Write(out, o.output, report)
	}
	if err != nil {
		return err
	}
	if len(report.Errors) > 0 || o.strict && len(report.Warnings) > 0 {
		return fmt.Errorf("%s, %s", count(uint32(len(report.Errors)), "mistake"), count(uint32(len(report.Warnings)), "warning"))
	}
	return nil
}

// checkRules checks layers and how their tests are written.
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

// checkText shows what is wrong to people.
func checkText(report lint.Report, p term.Page) string {
	var b strings.Builder
	for _, e := range report.Errors {
		writeFinding(&b, e, p, term.Red)
	}
	for _, e := range report.Warnings {
		writeFinding(&b, e, p, term.Yellow)
	}
	if len(report.Errors) == 0 {
		fmt.Fprintf(&b, "%s checked, %s\n", count(uint32(report.Rules), "rule"), count(uint32(len(report.Warnings)), "warning"))
	}
	return b.String()
}

// writeFinding writes where, what, and the line with a caret.
func writeFinding(b *strings.Builder, e *yamlsrc.Diagnostic, p term.Page, style term.Style) {
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
