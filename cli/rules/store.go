package rules

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"headstart/bus"
	"headstart/cli/cmdutil"
	"headstart/daemon"
	"headstart/detect/bundle"
	"headstart/rulestore"
)

// onStore runs a command on the store of pushed rules.
func onStore(cl *cmdutil.Client, c *cobra.Command, check func() error, do func(context.Context, *rulestore.Store) error) error {
	return cl.Run(c, check, func(ctx context.Context, b *bus.Bus) error {
		store, err := rulestore.Open(ctx, b)
		if errors.Is(err, bus.ErrNoBucket) {
			return fmt.Errorf("%w (the correlator creates it: is one running there?)", err)
		}
		if err != nil {
			return err
		}
		return do(ctx, store)
	})
}

// revisionOf reads the revision on a command line; 0 stands for the newest.
func revisionOf(args []string) (uint64, error) {
	if len(args) == 0 {
		return 0, nil
	}
	n, err := strconv.ParseUint(args[0], 10, 63)
	if err != nil || n == 0 {
		return 0, daemon.Usage("revision %q: want a number from 'headstart rules history'", args[0])
	}
	return n, nil
}

// bookOf returns a revision; 0 stands for the newest.
func bookOf(ctx context.Context, store *rulestore.Store, revision uint64) (*bundle.Book, error) {
	if revision > 0 {
		return store.Book(ctx, revision)
	}
	book, err := store.Newest(ctx)
	if err == nil && book == nil {
		err = &rulestore.UnknownError{}
	}
	return book, err
}
