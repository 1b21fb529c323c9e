package cmdutil

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"headstart/daemon"
	"headstart/suggest"
)

// Args turns cobra's errors about arguments into usage errors.
func Args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return daemon.Usage("%w\nrun '%s --help' for the arguments", err, c.CommandPath())
		}
		return nil
	}
}

// Group makes a command that only groups subcommands reject an unknown one.
// Cobra would print the help and exit with 0.
func Group(c *cobra.Command) {
	c.Args = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		var names []string
		for _, sub := range c.Commands() {
			names = append(names, sub.Name())
		}
		return daemon.Usage("unknown command %q%s\nrun '%s --help' for the commands", args[0], suggest.DidYouMean(args[0], names), c.CommandPath())
	}
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
}

// FlagError explains an error of parsing flags: it suggests a name for an
// unknown flag, of run too, and adds the help of a flag to an invalid value.
func FlagError(c, run *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		given := "--" + unknown.GetSpecifiedName()
		if together := unknown.GetSpecifiedShortnames(); together != "" {
			given = "-" + together
		}
		near := nearestFlag(c, given)
		if run.Flags().Lookup(unknown.GetSpecifiedName()) != nil {
			near = "; did you mean " + run.CommandPath() + " " + given + "?"
		}
		err = fmt.Errorf("unknown flag %s%s", given, near)
	case errors.As(err, &invalid):
		_, usage := pflag.UnquoteUsage(invalid.GetFlag())
		err = fmt.Errorf("--%s %q: %w (%s)", invalid.GetFlag().Name, invalid.GetValue(), invalid.Unwrap(), usage)
	}
	return daemon.Usage("%w\nrun '%s --help' for the flags", err, c.CommandPath())
}

// nearestFlag returns "; did you mean --X?", or nothing.
func nearestFlag(c *cobra.Command, given string) string {
	var names []string
	c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
	return suggest.DidYouMean("--"+strings.TrimLeft(given, "-"), names)
}

// Complete offers fixed values for a flag.
func Complete(c *cobra.Command, flagName string, values ...string) {
	c.RegisterFlagCompletionFunc(flagName, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}
