package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"headstart/daemon"
	"headstart/detect/rule"
	"headstart/detect/rule/format"
	"headstart/suggest"
	"headstart/term"
)

func rulesShowCommand() *cobra.Command {
	var dirs []string
	c := &cobra.Command{
		Use:   "show RULE",
		Short: "Show a rule as it is in force, and which file each part is from",
		Long: `Show a rule as it is in force: its file, with what overrides set in the place of
what they override, and comments that say where that is from.`,
		Example: `  headstart rules show ssh-session-long
  headstart rules show ssh-session-long --rules default --rules ./local`,
		Args: asUsage(cobra.ExactArgs(1)),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			set, err := loadRules(dirs, nil)
			if err != nil || len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return ruleIDs(set), cobra.ShellCompDirectiveNoFileComp
		},
	}
	c.Flags().StringSliceVar(&dirs, "rules", nil, rulesUsage)
	c.MarkFlagDirname("rules")
	c.RunE = func(c *cobra.Command, args []string) error {
		layers, err := ruleLayers(dirs)
		if err != nil {
			return err
		}
		set, err := rule.LoadLayers(layers, nil)
		if err != nil {
			return err
		}
		r := set.Rule(args[0])
		if r == nil {
			return daemon.Usage("there is no rule %q%s", args[0], suggest.DidYouMean(args[0], ruleIDs(set)))
		}
		text, err := format.Effective(layers, r)
		if err != nil {
			return err
		}
		return write(c.OutOrStdout(), plainLines(string(text)))
	}
	return c
}

// plainLines keeps what a file holds from steering a terminal.
func plainLines(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		line, ended := strings.CutSuffix(line, "\n")
		b.WriteString(term.Plain(line))
		if ended {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

func ruleIDs(set *rule.Set) []string {
	ids := make([]string, 0, len(set.Rules))
	for _, r := range set.Rules {
		ids = append(ids, r.ID)
	}
	return ids
}
