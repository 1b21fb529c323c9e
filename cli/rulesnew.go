package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"headstart/daemon"
	"headstart/detect"
	"headstart/detect/baseline"
	"headstart/detect/rule"
	"headstart/replay"
	"headstart/rulekit/ruletest"
	"headstart/rulekit/scaffold"
	"headstart/suggest"
)

// newRuleOptions are those of headstart rules new.
type newRuleOptions struct {
	history
	answers
	dirs      []string
	fromConn  string
	fromAlert string
	except    string
	owner     string
	reason    string
	expires   string
	out       string
	force     bool

	layers []rule.Layer // that --rules names; of a running system, if it names none, those in force
}

// exceptionDays is for how many days an exception counts unless it says.
const exceptionDays = 90

func rulesNewCommand() *cobra.Command {
	o := new(newRuleOptions)
	c := &cobra.Command{
		Use:   "new [--from-conn ID] [--except RULE]",
		Short: "Write a rule with tests, or an exception, to go on from",
		Long: `Write a rule with tests, of a few answers: asked for at a terminal, or given by
flags. Or write one of a connection (--from-conn): "fire on things like this", with
its direction, its service, and the roles of its ends.

With --except it writes an exception to a rule that is there, of a connection or
of an alert: "never again on things like this", as narrowly as it can be said. It
is an override, which leaves the rule's own file as it is, has an owner and a
reason, and ends after 90 days unless --expires says otherwise.

The result is printed, or written to a directory (--out). It is checked against the
rules first, and the tests of a rule are played: what can't be loaded, or doesn't
fire in its own test, is not written. A connection is looked for as 'headstart
rules explain' does.`,
		Example: `  headstart rules new
  headstart rules new --title "FTP from web servers" --severity medium --kind connection --port 21 --role web --out ./local
  headstart rules new --title "Web server searches" --severity high --kind count --port smb --role web --at-least 4 --within 5m
  headstart rules new --from-conn 51ab0c3e --title "Backup server reaches databases" --out ./local
  headstart rules new --except ssh-session-long --from-alert 9f2c11d0 --owner storage@example.com --reason "nightly copies" --out ./local`,
		Args: asUsage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c) },
	}
	o.history.flags(c)
	o.answers.flags(c)
	f := c.Flags()
	f.StringSliceVar(&o.dirs, "rules", nil, "`directories` of rules, of which a later one wins (default: the pack that comes with headstart; with a connection of a running system the rules in force there)")
	f.StringVar(&o.fromConn, "from-conn", "", "`id` of a connection, or its beginning")
	f.StringVar(&o.fromAlert, "from-alert", "", "`id` of an alert of the rule that --except names, or its beginning")
	f.StringVar(&o.except, "except", "", "`rule` that is not to fire on things like this")
	f.StringVar(&o.owner, "owner", "", "`whom` to ask about the exception")
	f.StringVar(&o.reason, "reason", "", "`why` there is an exception")
	f.StringVar(&o.expires, "expires", "", "last `day` on which the exception counts, such as 2026-12-31 (default: in 90 days)")
	f.StringVar(&o.out, "out", "", "`directory` to write to, made if missing (default: standard output)")
	f.BoolVar(&o.force, "force", false, "overwrite a file, or replace a rule, that is there")
	c.MarkFlagDirname("rules")
	c.MarkFlagDirname("out")
	c.RegisterFlagCompletionFunc("except", completeRules)
	return c
}

// product is a file that was made.
type product struct {
	name    string // of the file
	rule    string // that it is, or that it overrides
	text    string
	isRule  bool
	example *scaffold.Example
}

func (o *newRuleOptions) run(c *cobra.Command) error {
	p, exception, err := o.check()
	if err != nil {
		return err
	}
	if o.layers, err = ruleLayers(o.dirs); err != nil {
		return err
	}
	set, err := rule.LoadLayers(o.layers, p.internal())
	if err != nil {
		return daemon.Usage("--rules: want directories of rules that have no mistakes:\n%w", err)
	}
	var made *product
	if o.fromConn != "" || o.fromAlert != "" {
		made, err = o.ofExample(c, p, set, exception)
	} else {
		made, err = o.ofAnswers(c, set)
	}
	if err != nil {
		return err
	}
	if err := o.finish(c.Context(), made, p); err != nil {
		return err
	}
	if o.out == "" {
		return write(c.OutOrStdout(), made.text)
	}
	return o.store(c, made)
}

// check returns a usage error that holds every mistake, but those of the answers.
func (o *newRuleOptions) check() (p historyPlan, x scaffold.Exception, err error) {
	var problems []error
	p, err = o.history.check()
	if o.fromConn != "" || o.fromAlert != "" {
		problems = append(problems, err)
	}
	for flag, id := range map[string]string{"from-conn": o.fromConn, "from-alert": o.fromAlert} {
		if id != "" && !beginningOfID.MatchString(id) {
			problems = append(problems, daemon.Usage("--%s %q: want an id, or its beginning: hexadecimal digits", flag, id))
		}
	}
	switch {
	case o.fromConn != "" && o.fromAlert != "":
		problems = append(problems, daemon.Usage("--from-conn and --from-alert exclude each other"))
	case o.except == "" && o.fromAlert != "":
		problems = append(problems, daemon.Usage("--from-alert goes with --except; a rule is made --from-conn"))
	case o.except != "" && o.fromConn == "" && o.fromAlert == "":
		problems = append(problems, daemon.Usage("--except: say of what, with --from-conn ID or --from-alert ID"))
	case o.except != "":
		x, err = o.exception()
		problems = append(problems, err)
	}
	return p, x, errors.Join(problems...)
}

func (o *newRuleOptions) exception() (x scaffold.Exception, err error) {
	var problems []error
	x = scaffold.Exception{Owner: o.owner, Reason: o.reason, Expires: time.Now().UTC().AddDate(0, 0, exceptionDays)}
	if strings.TrimSpace(o.owner) == "" || strings.TrimSpace(o.reason) == "" {
		problems = append(problems, daemon.Usage("an exception has somebody to ask and a reason: --owner, --reason"))
	}
	if o.expires != "" {
		if x.Expires, err = time.Parse(time.DateOnly, o.expires); err != nil || !x.Expires.AddDate(0, 0, 1).After(time.Now()) {
			problems = append(problems, daemon.Usage("--expires %q: want a day to come, such as %s", o.expires, time.Now().UTC().AddDate(0, 0, exceptionDays).Format(time.DateOnly)))
		}
	}
	return x, errors.Join(problems...)
}

// ofExample makes a rule, or an exception, of a connection of the history.
func (o *newRuleOptions) ofExample(c *cobra.Command, p historyPlan, set *rule.Set, x scaffold.Exception) (made *product, err error) {
	var excepted *rule.Rule
	look := func() error {
		if excepted = set.Rule(o.except); o.except != "" && excepted == nil {
			return daemon.Usage("--except: there is no rule %q%s", o.except, suggest.DidYouMean(o.except, idsOf(set)))
		}
		return nil
	}
	ofSystem := o.isRunning() && len(o.dirs) == 0
	if !ofSystem {
		if err := look(); err != nil {
			return nil, err
		}
	}
	bar := newProgress(c.ErrOrStderr())
	defer bar.done()
	var example *scaffold.Example
	err = o.open(c, p, bar, func(ctx context.Context, h *past) error {
		if ofSystem {
			if o.layers, _, err = layersInForce(ctx, h.bus); err != nil {
				return err
			}
			if set, err = rule.LoadLayers(o.layers, p.internal()); err != nil {
				return fmt.Errorf("the rules in force have mistakes (--rules names others):\n%w", err)
			}
			if err = look(); err != nil {
				return err
			}
		}
		example, err = o.find(ctx, set, h)
		return err
	})
	bar.done()
	if err != nil {
		return nil, err
	}
	if excepted != nil {
		id := "host-" + example.Host.Name
		if example.Connection != nil {
			id = example.Connection.ID.String()[:8]
		}
		return &product{name: o.except + "-except-" + scaffold.IDOf(id) + ".yaml", rule: o.except, text: scaffold.Except(excepted, example, x), example: example}, nil
	}
	d, err := scaffold.Like(set, example)
	if err != nil {
		return nil, err
	}
	if err := o.answers.about(c, d); err != nil {
		return nil, err
	}
	return o.ofDraft(c.Context(), d, p)
}

func idsOf(set *rule.Set) (ids []string) {
	for _, r := range set.Rules {
		ids = append(ids, r.ID)
	}
	return ids
}

// find finds the connection in the history.
func (o *newRuleOptions) find(ctx context.Context, set *rule.Set, h *past) (*scaffold.Example, error) {
	side := replay.Side{Sink: ignored{}, Options: replay.Options{Rules: set, Correlation: detect.Options{
		Inventory: h.inventory, Baseline: baseline.Options{Learning: o.learn},
	}}}
	id, host := o.fromConn, ""
	if o.fromAlert != "" {
		a, err := h.alert(ctx, side, o.except, o.fromAlert)
		if err != nil {
			return nil, err
		}
		if host = a.Host; !a.Connection.OpenedBefore.IsZero() {
			id = a.Connection.ID.String()
		}
	}
	f := scaffold.NewFinder(id, host)
	side.Begin = f.Begin
	if _, err := replay.RunAll(ctx, h.feed, []replay.Side{side}); err != nil {
		return nil, err
	}
	e, err := f.Example()
	if ambiguous := (*scaffold.Ambiguous)(nil); errors.As(err, &ambiguous) {
		return nil, daemon.Usage("%w", err)
	}
	return e, err
}

// ofAnswers makes a rule of answers.
func (o *newRuleOptions) ofAnswers(c *cobra.Command, set *rule.Set) (*product, error) {
	d, err := o.answers.draft(c, set)
	if err != nil {
		return nil, err
	}
	return o.ofDraft(c.Context(), d, historyPlan{})
}

// ofDraft writes a rule, and finds when it fires in its own test.
func (o *newRuleOptions) ofDraft(ctx context.Context, d *scaffold.Draft, p historyPlan) (*product, error) {
	made := &product{name: d.ID + ".yaml", rule: d.ID, text: d.File(""), isRule: true}
	set, err := o.load(made, p)
	if err != nil {
		return nil, err
	}
	report, err := playOwn(ctx, set, d.ID)
	if err != nil {
		return nil, err
	}
	for _, came := range report.Cases[0].Alerts {
		if came.Rule == d.ID {
			made.text = d.File(came.At + " " + came.Host)
			return made, nil
		}
	}
	why := ""
	for _, m := range report.Cases[0].Missing {
		why = "\n" + strings.Join(m.Nearest, "\n")
	}
	return nil, fmt.Errorf("the rule doesn't fire on what it was made for: change what it asks for%s", why)
}

// playOwn plays the tests of a rule.
func playOwn(ctx context.Context, set *rule.Set, id string) (*ruletest.RuleReport, error) {
	report, err := ruletest.Run(ctx, set, ruletest.Options{Wanted: func(rule, _ string) bool { return rule == id }})
	if err != nil {
		return nil, err
	}
	return &report.Rules[0], nil
}
