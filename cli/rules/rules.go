// Package rules is the command headstart rules: it checks, tests, evaluates,
// generates and publishes detection rules.
package rules

import "github.com/spf13/cobra"

// NewCommand returns the command.
func NewCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "rules",
		Short: "Check, test, backtest, explain and publish detection rules",
		Long: `Check, test, backtest, explain and publish the rules that raise alerts.
docs/rule-language.md describes the language.`,
	}
	c.AddCommand(
		newBacktest(),
		newCheck(),
		newCoverage(),
		newExplain(),
		newFmt(),
		newHistory(),
		newList(),
		newNew(),
		newPull(),
		newPush(),
		newReference(),
		newRollback(),
		newSchema(),
		newShow(),
		newStatus(),
		newTest(),
	)
	return c
}
