// Command headstart finds intruders who move from server to server by the
// connections that every Linux machine's kernel lists.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"headstart/daemon"
)

func main() {
	os.Exit(daemon.Main(func(ctx context.Context) error {
		root, begun := command(), false
		root.PersistentPreRun = func(*cobra.Command, []string) { begun = true }
		err := root.ExecuteContext(ctx)
		if !begun {
			return asUsage(err) // cobra didn't understand the command line
		}
		return err
	}))
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:   "headstart",
		Short: "headstart finds intruders who move from server to server, while they still move",
		Long: `headstart finds intruders who move from server to server, while they still move.

It reads what every Linux machine already knows, the kernel's table of TCP
connections, turns the difference between readings into connections that open
and close, and tells you which of them fit the rules that your analysts write.

Try it on this machine, without root:

  headstart run --show connections`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		hint := ""
		if unknown := new(pflag.NotExistError); errors.As(err, &unknown) {
			var names []string
			c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
			if near := daemon.Nearest(unknown.GetSpecifiedName(), names); near != "" {
				hint = ": did you mean --" + near + "?"
			}
		}
		return daemon.Usage("%w%s\nrun '%s --help' for the flags", err, hint, c.CommandPath())
	})
	root.AddCommand(runCommand(), versionCommand())
	return root
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		Run: func(c *cobra.Command, _ []string) {
			fmt.Fprintf(c.OutOrStdout(), "headstart %s (%s, %s/%s)\n", daemon.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
		},
	}
}

// asUsage makes cobra's own errors usage errors: an unknown command, an
// argument where none is taken.
func asUsage(err error) error {
	var usage *daemon.UsageError
	if err == nil || errors.As(err, &usage) {
		return err
	}
	return daemon.Usage("%w", err)
}

// changedFlags are the flags that the command line sets.
func changedFlags(c *cobra.Command) (names []string) {
	c.Flags().Visit(func(f *pflag.Flag) { names = append(names, f.Name) })
	return names
}
