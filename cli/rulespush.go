package cli

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

	"headstart/bus"
	"headstart/daemon"
	"headstart/detect/bundle"
	"headstart/rulestore"
	"headstart/services/correlator"
	"headstart/term"
)

// pusher says who pushes rules, and why.
type pusher struct {
	author, reason string
	wait           time.Duration
	output         string
}

func (p *pusher) flags(f *daemon.Flags) {
	f.StringVar(&p.reason, "reason", "", "`why`, in a line; the history keeps it")
	f.StringVar(&p.author, "author", userAtHost(), "`who` does it")
	f.DurationVar(&p.wait, "wait", 10*time.Second, "`time` to wait until the correlators have the rules in force; 0 to wait for none")
	f.StringVar(&p.output, "output", "text", "how to print what was stored: `text` or json")
}

func (p *pusher) check() error {
	var problems []error
	if strings.TrimSpace(p.reason) == "" {
		problems = append(problems, daemon.Usage("--reason: say why, for those who look at the history"))
	} else if err := bundle.CheckText(p.reason); err != nil {
		problems = append(problems, daemon.Usage("--reason: %w", err))
	}
	if strings.TrimSpace(p.author) == "" {
		problems = append(problems, daemon.Usage("--author: say who, for those who look at the history"))
	} else if err := bundle.CheckText(p.author); err != nil {
		problems = append(problems, daemon.Usage("--author: %w", err))
	}
	if p.wait < 0 {
		problems = append(problems, daemon.Usage("--wait %s: want a time such as 10s, or 0", p.wait))
	}
	return errors.Join(append(problems, checkOutput(p.output))...)
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

func rulesPushCommand() *cobra.Command {
	o := new(pushOptions)
	c := &cobra.Command{
		Use:   "push DIRECTORY… --reason WHY",
		Short: "Check rules and store them for the correlators that run with --rules pushed",
		Long: `Check rules as 'headstart rules check' does and store them in the system, as the
next revision, for the correlators that run with --rules pushed. Rules with a
mistake are refused, and the exit code is 1. Then wait until the correlators have
the rules in force.

Several directories are layers, of which a later one wins; default is the pack that
comes with this headstart. All files are stored: what was checked is in force,
also where another version of headstart runs.

If somebody else has pushed since the rules were pulled ('headstart rules pull'
leaves a note in the directory), or since the revision that --expect names, the
rules are refused: pull, compare, and push again, or insist with --force.`,
		Example: `  headstart rules push ./rules.expr --reason "mail servers are file servers too"
  headstart rules push default ./local --reason "after the upgrade to 2.1"`,
		ValidArgsFunction: completeLayers,
	}
	cl := newClient(c, func(f *daemon.Flags) {
		o.pusher.flags(f)
		f.Int64Var(&o.expect, "expect", -1, "`revision` that must be the newest, 0 for none; otherwise the rules are refused (default: the one that was pulled)")
		f.BoolVar(&o.force, "force", false, "push over what somebody else has pushed")
	})
	complete(c, "output", "text", "json")
	c.RunE = func(c *cobra.Command, dirs []string) error {
		var book *bundle.Book
		check := func() (err error) {
			book, err = o.read(c, dirs)
			return err
		}
		return cl.ask(c, check, func(ctx context.Context, b *bus.Bus) error {
			return o.run(ctx, b, c, dirs, book)
		})
	}
	return c
}

// read reads the directories, checks them, and prints what is wrong.
func (o *pushOptions) read(c *cobra.Command, dirs []string) (*bundle.Book, error) {
	problems := []error{o.pusher.check()}
	if len(dirs) == 0 {
		problems = append(problems, daemon.Usage("name the directories of the rules, or default for the pack that comes with headstart"))
	}
	if o.force && o.expect >= 0 {
		problems = append(problems, daemon.Usage("--force and --expect exclude each other"))
	}
	layers, err := ruleLayers(dirs)
	if err := errors.Join(append(problems, err)...); err != nil {
		return nil, err
	}
	book, err := bundle.Read(layers)
	if err != nil {
		return nil, err
	}
	return book, describeChecked(c.ErrOrStderr(), book)
}

// describeChecked describes a book whose rules have no mistakes, and prints the
// mistakes of others and all warnings.
func describeChecked(errs io.Writer, book *bundle.Book) error {
	report := checkRules(book.RuleLayers(), time.Now().UTC())
	if len(report.Errors)+len(report.Warnings) > 0 {
		if err := write(errs, checkText(report, pageOf(errs))); err != nil {
			return err
		}
	}
	if len(report.Errors) > 0 {
		return fmt.Errorf("the rules are not pushed: %s", count(uint32(len(report.Errors)), "mistake"))
	}
	book.Describe(report.Set)
	return nil
}

func (o *pushOptions) run(ctx context.Context, b *bus.Bus, c *cobra.Command, dirs []string, book *bundle.Book) error {
	store, err := rulestore.Open(ctx, b)
	if err != nil {
		return noRules(err)
	}
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
		return fmt.Errorf("the rules are not pushed: %w\n'headstart rules pull' fetches that one; --force pushes over it", err)
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

// stored says what was stored, and waits until it is in force.
func (p *pusher) stored(ctx context.Context, c *cobra.Command, store *rulestore.Store, before, book *bundle.Book) error {
	var previous bundle.Origin
	if before != nil {
		previous = before.Origin
	}
	r := rulestore.Revision{Origin: book.Origin}
	change := book.Since(&previous)
	r.Change = &change
	if p.output == "json" {
		newConsole(c.OutOrStdout(), "", true).line(describeRevision(&r))
	} else {
		var b strings.Builder
		fmt.Fprintf(&b, "revision %d is stored: %s, %s\n", book.Revision, count(uint32(book.Rules), "rule"), book.Hash[:min(12, len(book.Hash))])
		writeChange(&b, "  ", r.Change)
		if err := write(c.OutOrStdout(), b.String()); err != nil {
			return err
		}
	}
	if p.wait == 0 {
		return nil
	}
	return awaitForce(ctx, store, book, p.wait, c.ErrOrStderr())
}

// awaitForce waits until every correlator that takes pushed rules has said what
// became of a revision.
func awaitForce(ctx context.Context, store *rulestore.Store, book *bundle.Book, patience time.Duration, errs io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		statuses, err := store.Statuses(ctx)
		if ctx.Err() == nil && err != nil {
			return err
		}
		var inForce, waiting []string
		taking := 0
		for _, s := range statuses {
			name := term.Plain(s.Instance)
			switch {
			case !slices.Contains(s.InForce.Sources, correlator.PushedRules):
				continue
			case s.Refused != nil && s.Refused.Revision == book.Revision:
				return fmt.Errorf("%s refuses revision %d and keeps the rules of before:\n%s", name, book.Revision, s.Refused.Error)
			case s.InForce.Revision >= book.Revision:
				inForce = append(inForce, name)
			default:
				waiting = append(waiting, name)
			}
			taking++
		}
		switch {
		case err == nil && taking == 0:
			fmt.Fprintln(errs, "no correlator runs with --rules pushed now: the rules are in force once one does")
			return nil
		case err == nil && len(waiting) == 0:
			fmt.Fprintf(errs, "in force on %s\n", strings.Join(inForce, ", "))
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("not yet in force after %s on %s ('headstart rules status' tells when it is)", term.Duration(patience), strings.Join(waiting, ", "))
		}
	}
}

// noRules says what it may mean that there is no bucket of rules.
func noRules(err error) error {
	if errors.Is(err, bus.ErrNoBucket) {
		return fmt.Errorf("%w (the correlator makes it: does one run there?)", err)
	}
	return err
}
