package rules

import (
	"github.com/spf13/cobra"

	"headstart/cli/cmdutil"
	"headstart/detect/rule/format"
)

func newShow() *cobra.Command {
	var dirs []string
	c := &cobra.Command{
		Use:   "show RULE",
		Short: "Show the effective rule, and the file that each field is from",
		Long: `Show the effective rule: its file, with overridden fields replaced, and comments
that name the files of the overrides.`,
		Example: `  headstart rules show ssh-session-long
  headstart rules show ssh-session-long --rules default --rules ./local`,
		Args:              cmdutil.Args(cobra.ExactArgs(1)),
		ValidArgsFunction: completeRules,
	}
	c.Flags().StringSliceVar(&dirs, "rules", nil, cmdutil.RulesUsage)
	c.MarkFlagDirname("rules")
	c.RunE = func(c *cobra.Command, args []string) error {
		var set ruleset
		if err := set.load(dirs, nil); err != nil {
			return err
		}
		r, err := set.find(args[0])
		if err != nil {
			return err
		}
		text, err := format.Effective(set.layers, r)
		if err != nil {
			return err
		}
		return cmdutil.Write(c.OutOrStdout(), cmdutil.PlainLines(string(text)))
	}
	return c
}
