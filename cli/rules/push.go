package rules

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"headstart/cli/cmdutil"
	"headstart/daemon"
	"headstart/detect/bundle"
	"headstart/rulestore"
	"headstart/term"
)

// pusher describes a push.
type pusher struct {
	author, reason string
	wait           time.Duration
	output         cmdutil.Output
}

func (p *pusher) flags(f *daemon.Flags) {
	f.StringVar(&p.reason, "reason", "", "`reason` of the change, one line for the history")
	f.StringVar(&p.author, "author", userAtHost(), "`author` of the change")
	f.DurationVar(&p.wait, "wait", 10*time.Second, "`time` to wait until the correlators have activated the rules; 0 for no waiting")
	p.output.Flag(f, "text", "json")
}

func (p *pusher) check() error {
	problems := []error{p.output.Check()}
	for _, field := range []struct{ flag, text string }{{"reason", p.reason}, {"author", p.author}} {
		if strings.TrimSpace(field.text) == "" {
			problems = append(problems, daemon.Usage("--%s: want one line for the history", field.flag))
		} else if err := bundle.CheckText(field.text); err != nil {
			problems = append(problems, daemon.Usage("--%s: %w", field.flag, err))
		}
	}
	if p.wait < 0 {
		problems = append(problems, daemon.Usage("--wait %s: want a duration such as 10s, or 0", p.wait))
	}
	return errors.Join(problems...)
}

func userAtHost() string {
	name, host := "", ""
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, _ = os.Hostname()
	return strings.Trim(name+"@"+host, "@")
}

// pushOptions are those of headstart rules push.
type pushOptions struct {
	pusher
	expect int64
	force  bool
}

func newPush() *cobra.Command {
	o := new(pushOptions)
	c := &cobra.Command{
		Use:   "push DIRECTORY… --reason REASON",
		Short: "Check rules and store them for the correlators with --rules pushed",
		Long: `Check rules like 'headstart rules check' and store them in the system, as the next
revision, for the correlators with --rules pushed. Invalid rules are rejected, with
exit code 1. Then wait until the correlators have activated the rules.

Several directories are layers, and later ones win; default is the default ruleset
of this headstart. All files are stored: the correlators activate what was checked,
even if they run another version of headstart.

The push is rejected if the rules have been changed since they were pulled
('headstart rules pull' leaves a note in the directory), or since the revision of
--expect: pull, compare, and push again, or overwrite with --force.`,
		Example: `  headstart rules push ./rules.expr --reason "mail servers are file servers too"
  headstart rules push default ./local --reason "after the upgrade to 2.1"`,
		ValidArgsFunction: cmdutil.CompleteRuleLayers,
	}
	cl := cmdutil.NewClient(c, func(f *daemon.Flags) {
		o.pusher.flags(f)
		f.Int64Var(&o.expect, "expect", -1, "`revision` that must be the newest, 0 for none (default: the pulled one)")
		f.BoolVar(&o.force, "force", false, "overwrite whatever is the newest revision")
	})
	o.output.Complete(c)
	c.RunE = func(c *cobra.Command, dirs []string) error {
		var book *bundle.Book
		check := func() (err error) {
			book, err = o.read(c, dirs)
			return err
		}
		return onStore(cl, c, check, func(ctx context.Context, store *rulestore.Store) error {
			return o.run(ctx, store, c, dirs, book)
		})
	}
	return c
}

// read reads the directories, checks the rules, and prints the diagnostics.
func (o *pushOptions) read(c *cobra.Command, dirs []string) (*bundle.Book, error) {
	problems := []error{o.pusher.check()}
	if len(dirs) == 0 {
		problems = append(problems, daemon.Usage("want the directories of the rules, or default for the default ruleset"))
	}
	if o.force && o.expect >= 0 {
		problems = append(problems, daemon.Usage("--force and --expect exclude each other"))
	}
	layers, err := cmdutil.RuleLayers(dirs)
	if err := errors.Join(append(problems, err)...); err != nil {
		return nil, err
	}
	book, err := bundle.Read(layers)
	if err != nil {
		return nil, err
	}
	return book, describeChecked(c.ErrOrStderr(), book)
}

// describeChecked describes a bundle of valid rules. It prints mistakes and
// warnings.
func describeChecked(errs io.Writer, book *bundle.Book) error {
	report := checkRules(book.RuleLayers(), time.Now().UTC())
	if len(report.Errors)+len(report.Warnings) > 0 {
		if err := cmdutil.Write(errs, checkText(report, cmdutil.Page(errs))); err != nil {
			return err
		}
	}
	if len(report.Errors) > 0 {
		return fmt.Errorf("the rules are rejected: %s", cmdutil.Count(len(report.Errors), "mistake"))
	}
	book.Describe(report.Set)
	return nil
}

func (o *pushOptions) run(ctx context.Context, store *rulestore.Store, c *cobra.Command, dirs []string, book *bundle.Book) error {
	pulled, expected := pulledFrom(dirs)
	switch {
	case o.force:
		expected = nil
	case o.expect >= 0:
		revision := uint64(o.expect)
		expected = &revision
	}
	before, err := store.Newest(ctx)
	if err != nil {
		return err
	}
	err = store.Add(ctx, book, rulestore.Push{Author: o.author, Reason: o.reason, At: time.Now(), Expected: expected})
	var overtaken *rulestore.OvertakenError
	if errors.As(err, &overtaken) {
		return fmt.Errorf("the rules are rejected: %w\n'headstart rules pull' downloads that one; --force overwrites it", err)
	}
	if err != nil {
		return err
	}
	for _, dir := range pulled {
		if err := notePulled(dir, book.Revision); err != nil {
			return err
		}
	}
	return o.stored(ctx, c, store, before, book)
}

// stored prints what was stored, and waits until it is active.
func (p *pusher) stored(ctx context.Context, c *cobra.Command, store *rulestore.Store, before, book *bundle.Book) error {
	var previous bundle.Origin
	if before != nil {
		previous = before.Origin
	}
	r := rulestore.Revision{Origin: book.Origin}
	change := book.Since(&previous)
	r.Change = &change
	if p.output.JSON() {
		if err := cmdutil.WriteJSON(c.OutOrStdout(), describeRevision(&r)); err != nil {
			return err
		}
	} else {
		var b strings.Builder
		fmt.Fprintf(&b, "revision %d is stored: %s, %s\n", book.Revision, cmdutil.Count(book.Rules, "rule"), book.Hash[:min(12, len(book.Hash))])
		writeChange(&b, "  ", r.Change)
		if err := cmdutil.Write(c.OutOrStdout(), b.String()); err != nil {
			return err
		}
	}
	if p.wait == 0 {
		return nil
	}
	return awaitActive(ctx, store, book, p.wait, c.ErrOrStderr())
}

// awaitActive waits until every correlator with pushed rules has activated or
// rejected a revision.
func awaitActive(ctx context.Context, store *rulestore.Store, book *bundle.Book, timeout time.Duration, errs io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		statuses, err := store.Statuses(ctx)
		if ctx.Err() == nil && err != nil {
			return err
		}
		var active, waiting []string
		users := 0
		for _, s := range statuses {
			name := term.Plain(s.Instance)
			switch {
			case !slices.Contains(s.Active.Sources, rulestore.PushedRules):
				continue
			case s.Rejected != nil && s.Rejected.Revision == book.Revision:
				return fmt.Errorf("%s rejects revision %d and keeps the previous rules:\n%s", name, book.Revision, s.Rejected.Error)
			case s.Active.Revision >= book.Revision:
				active = append(active, name)
			default:
				waiting = append(waiting, name)
			}
			users++
		}
		switch {
		case err == nil && users == 0:
			fmt.Fprintln(errs, "no correlator runs with --rules pushed: the rules become active when one starts")
			return nil
		case err == nil && len(waiting) == 0:
			fmt.Fprintf(errs, "active on %s\n", strings.Join(active, ", "))
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("not active after %s on %s: 'headstart rules status' shows the state", term.Duration(timeout), strings.Join(waiting, ", "))
		}
	}
}
