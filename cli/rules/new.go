package rules

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"headstart/cli/cmdutil"
	"headstart/cli/history"
	"headstart/daemon"
	"headstart/detect/rule"
	"headstart/replay"
	"headstart/rulekit/ruletest"
	"headstart/rulekit/scaffold"
)

// newOptions are those of headstart rules new.
type newOptions struct {
	history.History
	newFlags
	dirs      []string
	fromConn  string
	fromAlert string
	except    string
	owner     string
	reason    string
	expires   string
	out       string
	force     bool

	rules ruleset // of --rules; with an example of a running system, by default its active rules
}

// exceptionDays is the default validity of an exception.
const exceptionDays = 90

func newNew() *cobra.Command {
	o := new(newOptions)
	c := &cobra.Command{
		Use:   "new --title TITLE --port PORT | --from-conn ID | --except RULE",
		Short: "Generate a rule with tests, or an exception",
		Long: `Generate a rule with tests, as a template to edit: from flags, or from a connection
(--from-conn), with its direction, its service, and the roles of its ends.

With --except, generate an exception to an existing rule from a connection or an
alert, as narrow as possible. It is an override, which leaves the file of the rule
as it is, has an owner and a reason, and expires after 90 days by default.

The result is printed, or written to a directory (--out). It is checked together
with the rules, and its tests are run: a rule that can't be loaded or doesn't fire
in its own test is not written. Connections are found as by 'headstart rules
explain'.`,
		Example: `  headstart rules new --title "FTP from web servers" --severity medium --kind connection --port 21 --role web --out ./local
  headstart rules new --title "Web server searches" --severity high --kind count --port smb --role web --at-least 4 --within 5m
  headstart rules new --from-conn 51ab0c3e --title "Backup server reaches databases" --out ./local
  headstart rules new --except ssh-session-long --from-alert 9f2c11d0 --owner storage@example.com --reason "nightly copies" --out ./local`,
		Args: cmdutil.Args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c) },
	}
	o.History.Flags(c)
	o.newFlags.define(c)
	f := c.Flags()
	f.StringSliceVar(&o.dirs, "rules", nil, "`directories` of rules, later ones win (default: the default ruleset; with a connection of a running system its active rules)")
	f.StringVar(&o.fromConn, "from-conn", "", "`id` of a connection, or the beginning of it")
	f.StringVar(&o.fromAlert, "from-alert", "", "`id` of an alert of the rule in --except, or the beginning of it")
	f.StringVar(&o.except, "except", "", "`rule` that gets an exception")
	f.StringVar(&o.owner, "owner", "", "`owner` of the exception")
	f.StringVar(&o.reason, "reason", "", "`reason` for the exception")
	f.StringVar(&o.expires, "expires", "", "last `day` of the exception, such as 2026-12-31 (default: in 90 days)")
	f.StringVar(&o.out, "out", "", "`directory` to write to, created if missing (default: standard output)")
	f.BoolVar(&o.force, "force", false, "overwrite an existing file, or replace an existing rule")
	c.MarkFlagDirname("rules")
	c.MarkFlagDirname("out")
	c.RegisterFlagCompletionFunc("except", completeRules)
	return c
}

func (o *newOptions) run(c *cobra.Command) error {
	p, exception, err := o.check()
	if err != nil {
		return err
	}
	if err := o.rules.load(o.dirs, p.Internal()); err != nil {
		return daemon.Usage("--rules: want directories with valid rules:\n%w", err)
	}
	var made *product
	if o.fromConn != "" || o.fromAlert != "" {
		made, err = o.fromExample(c, p, exception)
	} else {
		var d *scaffold.Draft
		if d, err = o.draft(o.rules.Set); err == nil {
			made, err = o.fromDraft(c.Context(), d, p)
		}
	}
	if err != nil {
		return err
	}
	if err := o.finish(c.Context(), made, p); err != nil {
		return err
	}
	if o.out == "" {
		return cmdutil.Write(c.OutOrStdout(), made.text)
	}
	return o.store(c, made)
}

// check returns a usage error that holds every mistake, except in the flags of a
// draft.
func (o *newOptions) check() (p history.Plan, x scaffold.Exception, err error) {
	var problems []error
	p, err = o.History.Check()
	if o.fromConn != "" || o.fromAlert != "" {
		problems = append(problems, err)
	}
	for flag, id := range map[string]string{"from-conn": o.fromConn, "from-alert": o.fromAlert} {
		if id != "" && !idPrefix.MatchString(id) {
			problems = append(problems, daemon.Usage("--%s %q: want an id, or the beginning of it: hexadecimal digits", flag, id))
		}
	}
	switch {
	case o.fromConn != "" && o.fromAlert != "":
		problems = append(problems, daemon.Usage("--from-conn and --from-alert exclude each other"))
	case o.except == "" && o.fromAlert != "":
		problems = append(problems, daemon.Usage("--from-alert: use it with --except; --from-conn generates a rule"))
	case o.except != "" && o.fromConn == "" && o.fromAlert == "":
		problems = append(problems, daemon.Usage("--except: want an example for the exception: --from-conn ID or --from-alert ID"))
	case o.except != "":
		x, err = o.exception()
		problems = append(problems, err)
	}
	return p, x, errors.Join(problems...)
}

func (o *newOptions) exception() (x scaffold.Exception, err error) {
	var problems []error
	today := time.Now().UTC()
	x = scaffold.Exception{Owner: o.owner, Reason: o.reason, Expires: today.AddDate(0, 0, exceptionDays)}
	if strings.TrimSpace(o.owner) == "" || strings.TrimSpace(o.reason) == "" {
		problems = append(problems, daemon.Usage("--owner, --reason: an exception needs both"))
	}
	if o.expires != "" {
		last := x.Expires.Format(time.DateOnly)
		if x.Expires, err = time.Parse(time.DateOnly, o.expires); err != nil || !x.Expires.AddDate(0, 0, 1).After(today) {
			problems = append(problems, daemon.Usage("--expires %q: want a day in the future, such as %s", o.expires, last))
		}
	}
	return x, errors.Join(problems...)
}

// fromExample generates a rule or an exception from a connection of the history.
func (o *newOptions) fromExample(c *cobra.Command, p history.Plan, x scaffold.Exception) (*product, error) {
	if o.IsRunning() && len(o.dirs) == 0 {
		o.rules = ruleset{} // the active ones
	} else if err := o.checkExcepted(); err != nil {
		return nil, err
	}
	var example *scaffold.Example
	err := o.rules.onHistory(c, &o.History, p, func(ctx context.Context, h *history.Past) (err error) {
		if err = o.checkExcepted(); err == nil {
			example, err = o.find(ctx, h)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if o.except != "" {
		id := "host-" + example.Host.Name
		if example.Connection != nil {
			id = example.Connection.ID.String()[:8]
		}
		name := o.except + "-except-" + scaffold.IDOf(id) + ".yaml"
		return &product{name: name, rule: o.except, text: scaffold.Except(o.rules.Rule(o.except), example, x), example: example}, nil
	}
	d, err := scaffold.Like(o.rules.Set, example)
	if err != nil {
		return nil, err
	}
	if err := o.complete(c, d); err != nil {
		return nil, err
	}
	return o.fromDraft(c.Context(), d, p)
}

func (o *newOptions) checkExcepted() error {
	if o.except == "" {
		return nil
	}
	if _, err := o.rules.find(o.except); err != nil {
		return daemon.Usage("--except: %w", err)
	}
	return nil
}

// find finds the connection in the history.
func (o *newOptions) find(ctx context.Context, h *history.Past) (*scaffold.Example, error) {
	side := silentSide(&o.rules, h)
	id, host := o.fromConn, ""
	if o.fromAlert != "" {
		a, err := findAlert(ctx, h, side, alertID{o.except, o.fromAlert})
		if err != nil {
			return nil, err
		}
		if host = a.Host; !a.Connection.OpenedBefore.IsZero() {
			id = a.Connection.ID.String()
		}
	}
	f := scaffold.NewFinder(id, host)
	side.Begin = f.Begin
	if _, err := replay.RunAll(ctx, h.Feed, []replay.Variant{side}); err != nil {
		return nil, err
	}
	e, err := f.Example()
	if ambiguous := (*scaffold.Ambiguous)(nil); errors.As(err, &ambiguous) {
		return nil, daemon.Usage("%w", err)
	}
	return e, err
}

// fromDraft generates a rule, and finds the time at which it fires in its own
// test.
func (o *newOptions) fromDraft(ctx context.Context, d *scaffold.Draft, p history.Plan) (*product, error) {
	made := &product{name: d.ID + ".yaml", rule: d.ID, text: d.File(""), isRule: true}
	set, err := o.loadWith(made, p)
	if err != nil {
		return nil, err
	}
	report, err := runTests(ctx, set, d.ID)
	if err != nil {
		return nil, err
	}
	first := &report.Cases[0]
	for _, a := range first.Alerts {
		if a.Rule == d.ID {
			made.text = d.File(a.At + " " + a.Host)
			return made, nil
		}
	}
	var nearest []string
	for _, m := range first.Missing {
		nearest = m.Nearest
	}
	return nil, fmt.Errorf("the rule doesn't fire in its own test: change its flags\n%s", strings.Join(nearest, "\n"))
}

// runTests runs the tests of a rule.
func runTests(ctx context.Context, set *rule.Set, id string) (*ruletest.RuleReport, error) {
	report, err := ruletest.Run(ctx, set, ruletest.Options{Wanted: func(rule, _ string) bool { return rule == id }})
	if err != nil {
		return nil, err
	}
	return &report.Rules[0], nil
}
