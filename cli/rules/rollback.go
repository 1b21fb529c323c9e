package rules

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"headstart/cli/cmdutil"
	"headstart/rulestore"
)

func newRollback() *cobra.Command {
	o := new(pusher)
	c := &cobra.Command{
		Use:   "rollback [REVISION] --reason REASON",
		Short: "Restore an earlier revision of the pushed rules, as a new one",
		Long: `Restore an earlier revision of the pushed rules, by default the one before the
newest. It becomes a new revision with the old files and is checked like any push;
the revision that it replaces stays in the history.`,
		Example: `  headstart rules rollback --reason "the new sweep rule fires on backups"
  headstart rules rollback 7 --reason "back to before the migration"`,
		Args: cmdutil.Args(cobra.MaximumNArgs(1)),
	}
	cl := cmdutil.NewClient(c, o.flags)
	o.output.Complete(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		revision, err := revisionOf(args)
		check := func() error { return errors.Join(err, o.check()) }
		return onStore(cl, c, check, func(ctx context.Context, store *rulestore.Store) error {
			return o.rollBack(ctx, c, store, revision)
		})
	}
	return c
}

// rollBack stores an earlier revision as the newest; 0 stands for the one before
// the newest.
func (p *pusher) rollBack(ctx context.Context, c *cobra.Command, store *rulestore.Store, revision uint64) error {
	newest, err := bookOf(ctx, store, 0)
	if err != nil {
		return err
	}
	if revision == 0 {
		if newest.Revision == 1 {
			return errors.New("there is no revision before 1; 'headstart rules push default' activates the default ruleset")
		}
		revision = newest.Revision - 1
	}
	book, err := store.Book(ctx, revision)
	if err != nil {
		return err
	}
	if err := describeChecked(c.ErrOrStderr(), book); err != nil {
		return err
	}
	push := rulestore.Push{Author: p.author, Reason: p.reason, At: time.Now(), Restores: revision, Expected: &newest.Revision}
	if err := store.Add(ctx, book, push); err != nil {
		return fmt.Errorf("the rules are not rolled back: %w", err)
	}
	return p.stored(ctx, c, store, newest, book)
}
