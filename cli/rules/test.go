package rules

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"headstart/cli/cmdutil"
	"headstart/daemon"
	"headstart/rulekit/ruletest"
	"headstart/term"
	"headstart/yamlsrc"
)

// testOptions are those of headstart rules test.
type testOptions struct {
	run     string
	output  cmdutil.Output
	verbose bool
	require bool
}

func newTest() *cobra.Command {
	o := new(testOptions)
	c := &cobra.Command{
		Use:   "test [DIRECTORY…]",
		Short: "Run the tests of rules",
		Long: `Run the tests of rules, through the same tracker and correlator as in the live
system and with all rules active, and report expected, actual and nearest alerts.
docs/rule-tests.md describes the tests.

Several directories are layers, and later ones win; default is the default ruleset,
which is tested if no directory is named. A case that fails only because of a later
directory is listed as changed, and is no failure: an override can have tests of its
own. The exit code is 1 if a case fails, 2 if the rules or the tests are invalid.`,
		Example: `  headstart rules test ./rules.expr
  headstart rules test default ./local --require
  headstart rules test ./rules.expr --run 'ssh-.*/pool' --verbose
  headstart rules test ./rules.expr --output junit > rules.xml`,
		ValidArgsFunction: cmdutil.CompleteRuleLayers,
		RunE: func(c *cobra.Command, dirs []string) error {
			return o.test(c.Context(), dirs, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	f := c.Flags()
	f.StringVar(&o.run, "run", "", "regular `expression` that selects cases by \"rule/name\"")
	o.output.Define(c, "text", "json", "junit (XML)")
	f.BoolVar(&o.verbose, "verbose", false, "list passed cases too, with all alerts")
	f.BoolVar(&o.require, "require", false, "fail if a rule has no case in which it fires, or none in which it nearly fires")
	return c
}

func (o *testOptions) test(ctx context.Context, dirs []string, out, errs io.Writer) error {
	bar := cmdutil.NewProgress(errs)
	defer bar.Done()
	play := ruletest.Options{Clock: time.Now, Progress: func(done, total int) { bar.Show("testing", int64(done), int64(total)) }}
	if err := o.output.Check(); err != nil {
		return err
	}
	if o.run != "" {
		wanted, err := regexp.Compile(o.run)
		if err != nil {
			return daemon.Usage("--run %q: want a regular expression: %w", o.run, err)
		}
		play.Wanted = func(rule, name string) bool { return wanted.MatchString(rule + "/" + name) }
	}
	if len(dirs) == 0 {
		dirs = []string{cmdutil.DefaultRules}
	}
	set, err := cmdutil.LoadRules(dirs, nil)
	if err != nil {
		return daemon.Usage("the rules are invalid:\n%w", err)
	}
	play.Before = earlier(dirs)
	began := time.Now()
	report, err := ruletest.Run(ctx, set, play)
	bar.Done()
	if mistakes, ok := err.(yamlsrc.Diagnostics); ok {
		return daemon.Usage("the tests are invalid:\n%w", mistakes)
	}
	if err != nil {
		return err
	}
	if report.Passed+report.Failed+report.Changed == 0 && o.run != "" {
		return daemon.Usage("--run %q: no case matches", o.run)
	}
	if err := o.write(out, report, time.Since(began)); err != nil {
		return err
	}
	return o.judge(report)
}

// judge returns an error if a case failed or is missing.
func (o *testOptions) judge(report *ruletest.Report) error {
	lacking := 0
	for i := range report.Rules {
		if o.require && report.Rules[i].Lacks() != "" {
			lacking++
		}
	}
	switch {
	case report.Failed > 0 && lacking > 0:
		return fmt.Errorf("%s failed, and %s a case", casesOf(report.Failed), rulesLack(lacking))
	case report.Failed > 0:
		return fmt.Errorf("%s failed", casesOf(report.Failed))
	case lacking > 0:
		return fmt.Errorf("%s a case", rulesLack(lacking))
	}
	return nil
}

func casesOf(n int) string { return cmdutil.Count(n, "case") }

func rulesLack(n int) string {
	if n == 1 {
		return "1 rule lacks"
	}
	return fmt.Sprintf("%d rules lack", n)
}

func (o *testOptions) write(out io.Writer, report *ruletest.Report, took time.Duration) error {
	switch o.output.Format {
	case "json":
		return cmdutil.WriteJSON(out, struct {
			*ruletest.Report
			Seconds float64 `json:"seconds"`
		}{report, took.Seconds()})
	case "junit":
		return report.WriteJUnit(out, o.require)
	}
	return cmdutil.Write(out, o.text(report, took, cmdutil.Page(out)))
}

// text formats a report as text.
func (o *testOptions) text(report *ruletest.Report, took time.Duration, p term.Page) string {
	var b strings.Builder
	played := 0
	for i := range report.Rules {
		r := &report.Rules[i]
		if len(r.Cases) > 0 {
			played++
		}
		for k := range r.Cases {
			o.writeCase(&b, r, &r.Cases[k], p)
		}
	}
	for i := range report.Rules {
		r := &report.Rules[i]
		style, what := term.Yellow, "warning"
		if o.require {
			style, what = term.Red, "error"
		}
		if lack := r.Lacks(); lack != "" && (o.require || lack == (&ruletest.RuleReport{}).Lacks()) {
			fmt.Fprintf(&b, "%s: %s %s %s\n", term.Plain(r.File), p.Paint(style, what+":"), r.Rule, lack)
		}
	}
	changed := ""
	if report.Changed > 0 {
		changed = fmt.Sprintf(", %d changed", report.Changed)
	}
	fmt.Fprintf(&b, "%s of %s: %d passed, %d failed%s, in %s\n",
		casesOf(report.Passed+report.Failed+report.Changed), cmdutil.Count(played, "rule"), report.Passed, report.Failed, changed, term.Duration(took))
	return b.String()
}

// by names the overrides that change a rule.
func by(r *ruletest.RuleReport) string {
	if len(r.Overrides) == 0 {
		return " by a later directory"
	}
	return ": " + term.Plain(strings.Join(r.Overrides, "; "))
}

func (o *testOptions) writeCase(b *strings.Builder, r *ruletest.RuleReport, c *ruletest.CaseReport, p term.Page) {
	if c.Passed && !o.verbose {
		return
	}
	result := p.Paint(term.Bold+term.Red, "failed")
	switch {
	case c.Passed:
		result = "passed"
	case c.Changed:
		result = p.Paint(term.Yellow, "changed") + by(r)
	}
	fmt.Fprintf(b, "%s:%d: %s: %s: %s\n", term.Plain(c.File), c.Line, r.Rule, term.Plain(c.Name), result)
	if c.Changed && !o.verbose {
		return
	}
	add := func(line int, what, text string) {
		place := ""
		if line > 0 {
			place = fmt.Sprintf("%d: ", line)
		}
		fmt.Fprintf(b, "  %-9s %s%s\n", what, place, term.Plain(text))
	}
	for i := range c.Missing {
		m := &c.Missing[i]
		add(m.Line, "expected", m.Expected)
		for n, text := range m.Nearest {
			what := "nearest"
			if n > 0 {
				what = ""
			}
			add(0, what, text)
		}
	}
	for i := range c.Unexpected {
		add(c.Unexpected[i].Line, "came", c.Unexpected[i].String())
	}
	for _, f := range c.Failures {
		add(0, "failure", f)
	}
	for _, override := range r.Overrides {
		if !c.Passed && !c.Changed {
			add(0, "note", override)
		}
	}
	if o.verbose {
		for i := range c.Alerts {
			add(0, "alert", c.Alerts[i].String())
		}
	}
}
