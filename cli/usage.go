package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"headstart/daemon"
	"headstart/suggest"
)

// asUsage makes cobra's complaints about arguments usage errors.
func asUsage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return daemon.Usage("%w\nrun '%s --help' for what it takes", err, c.CommandPath())
		}
		return nil
	}
}

// onlyGroups makes a command that does nothing by itself refuse what is none
// of its subcommands. Cobra would print the help and call it a success.
func onlyGroups(c *cobra.Command) {
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

// flagError explains an error of parsing flags: it suggests a name for an
// unknown flag, of run too, and adds what a flag is for to an invalid value.
func flagError(c, run *cobra.Command, err error) error {
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
