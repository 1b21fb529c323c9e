// Package cmdutil holds what the subcommands of headstart share: usage errors,
// flags, connections to a running system, output formats and progress.
package cmdutil

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"headstart/bus"
	"headstart/daemon"
)

// Client connects a command to a running system.
type Client struct {
	link  bus.Options
	flags *daemon.Flags
}

// NewClient adds the connection flags to a command, and the flags that more
// defines. Each has an environment variable as its default.
func NewClient(c *cobra.Command, more func(*daemon.Flags)) *Client {
	cl := &Client{flags: daemon.NewFlags(c.Use, "")}
	if more != nil {
		more(cl.flags)
	}
	cl.link.Flags(cl.flags)
	c.Flags().AddGoFlagSet(cl.flags.Documented())
	return cl
}

// ApplyEnv sets the flags that the command line doesn't from the environment.
func (cl *Client) ApplyEnv(c *cobra.Command) error { return cl.flags.ApplyEnv(c.Flags().Changed) }

// connectTimeout is how long a person waits for a server.
const connectTimeout = 2 * time.Second

// Run checks the options, connects, and calls do. A nil check passes.
func (cl *Client) Run(c *cobra.Command, check func() error, do func(context.Context, *bus.Bus) error) error {
	if err := cl.ApplyEnv(c); err != nil {
		return err
	}
	if check != nil {
		if err := check(); err != nil {
			return err
		}
	}
	log := slog.New(slog.NewTextHandler(c.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelError}))
	return cl.Connect(c.Context(), log, do)
}

// Connect connects and calls do.
func (cl *Client) Connect(ctx context.Context, log *slog.Logger, do func(context.Context, *bus.Bus) error) error {
	link := cl.link
	link.Name, link.Wait = "headstart-client", connectTimeout
	reached := false
	err := Connected(ctx, link, log, func(ctx context.Context, b *bus.Bus, _ *slog.Logger) error {
		reached = true
		return do(ctx, b)
	})
	var usage *daemon.UsageError
	if err != nil && !reached && !errors.As(err, &usage) {
		return fmt.Errorf("%w\n'headstart run' starts a system on this machine; --server or NATS_URL names another one", err)
	}
	return err
}

// Service is what runs on a connection until its context ends.
type Service func(context.Context, *bus.Bus, *slog.Logger) error

// Connected runs a service on a connection of its own.
func Connected(ctx context.Context, link bus.Options, log *slog.Logger, do Service) (err error) {
	b, err := bus.Connect(ctx, log, link)
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		err = errors.Join(err, b.Close(closing))
	}()
	return do(ctx, b, log)
}

// MissingStream adds to an error which service creates the stream. It leaves
// nil and [context.Canceled] as they are.
func MissingStream(err error, service string) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%w (the %s creates the stream: is one running there?)", err, service)
}
