package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"headstart/daemon"
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
		return daemon.Usage("unknown command %q%s\nrun '%s --help' for the commands", args[0], didYouMean(daemon.Nearest(args[0], names)), c.CommandPath())
	}
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
}

// flagError explains what is wrong with a flag. A flag of run is also
// recognised where run is missing.
func flagError(c, run *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		given, name := "--"+unknown.GetSpecifiedName(), unknown.GetSpecifiedName()
		if together := unknown.GetSpecifiedShortnames(); together != "" {
			given, name = "-"+together, together
		}
		near := nearestFlag(c, name)
		if near == "" && c != run {
			if near = nearestFlag(run, name); near != "" {
				near = run.CommandPath() + " " + near
			}
		}
		err = fmt.Errorf("unknown flag %s%s", given, didYouMean(near))
	case errors.As(err, &invalid):
		_, usage := pflag.UnquoteUsage(invalid.GetFlag())
		err = fmt.Errorf("--%s %q: %w (%s)", invalid.GetFlag().Name, invalid.GetValue(), invalid.Unwrap(), usage)
	}
	return daemon.Usage("%w\nrun '%s --help' for the flags", err, c.CommandPath())
}

func nearestFlag(c *cobra.Command, name string) string {
	var names []string
	c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if near := daemon.Nearest(name, names); near != "" {
		return "--" + near
	}
	return ""
}

func didYouMean(near string) string {
	if near == "" {
		return ""
	}
	return ": did you mean " + near + "?"
}

// applyEnv sets the flags that the command line doesn't from the environment.
func applyEnv(c *cobra.Command, f *daemon.Flags) error {
	given := map[string]bool{}
	c.Flags().Visit(func(flag *pflag.Flag) { given[f.Variable(flag.Name)] = true })
	err := f.ApplyEnv(func(variable string) (string, bool) {
		if given[variable] {
			return "", false
		}
		return os.LookupEnv(variable)
	})
	if err != nil {
		return daemon.Usage("%w", err)
	}
	return nil
}
