// Package cli is the command headstart: its subcommands, their flags and what
// they print.
package cli

import (
	"context"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"headstart/daemon"
)

// Main runs the command of this process, and returns its exit code.
func Main() int {
	return daemon.Main(func(ctx context.Context) error { return command().ExecuteContext(ctx) })
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
		SilenceUsage:          true,
		SilenceErrors:         true,
		DisableFlagsInUseLine: true,
	}
	run := runCommand()
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return flagError(c, run, err) })
	root.AddCommand(run, demoCommand(), incidentsCommand(), hostsCommand(), rulesCommand(), replayCommand(), recordCommand(), versionCommand(), simulateCommand(), scoreCommand(), evaluateCommand(replayMadeUp))
	root.InitDefaultCompletionCmd()
	onlyGroups(root)
	for _, c := range root.Commands() {
		if c.HasSubCommands() {
			onlyGroups(c)
		}
	}
	return root
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  asUsage(cobra.NoArgs),
		Run: func(c *cobra.Command, _ []string) {
			fmt.Fprintf(c.OutOrStdout(), "headstart %s (%s, %s/%s)\n", daemon.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
		},
	}
}
