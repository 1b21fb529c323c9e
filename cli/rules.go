package cli

import "github.com/spf13/cobra"

func rulesCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "rules",
		Short: "Check, test, backtest, explain and publish rules",
		Long: `Check, test, backtest, explain and publish the rules by which headstart raises
alerts. docs/rule-language.md says how they are written.`,
	}
	c.AddCommand(
		rulesBacktestCommand(),
		rulesCheckCommand(),
		rulesCoverageCommand(),
		rulesExplainCommand(),
		rulesFmtCommand(),
		rulesHistoryCommand(),
		rulesListCommand(),
		rulesNewCommand(),
		rulesPullCommand(),
		rulesPushCommand(),
		rulesReferenceCommand(),
		rulesRollbackCommand(),
		rulesSchemaCommand(),
		rulesShowCommand(),
		rulesStatusCommand(),
		rulesTestCommand(),
	)
	return c
}
