package cmdutil

import (
	"net/netip"

	"github.com/spf13/cobra"

	"headstart/detect/rule"
	rules "headstart/rules.expr"
	"headstart/rulestore"
)

// DefaultRules stands for the default ruleset in the place of a directory.
const DefaultRules = rulestore.DefaultRules

// RulesUsage is the help of a flag --rules that falls back to the default
// ruleset.
const RulesUsage = "`directory` of rules, or default for the default ruleset; repeatable, later directories win (default: default)"

// RuleLayers returns the directories of rules that a command line names, the
// default ruleset if none. Later directories win.
func RuleLayers(dirs []string) ([]rule.Layer, error) { return rulestore.Layers(dirs, rules.Files) }

// LoadRules reads directories of rules. Later directories win.
func LoadRules(dirs []string, internal []netip.Prefix) (*rule.Set, error) {
	layers, err := RuleLayers(dirs)
	if err != nil {
		return nil, err
	}
	return rule.LoadLayers(layers, internal)
}

// CompleteRuleLayers completes the arguments of [RuleLayers].
func CompleteRuleLayers(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{DefaultRules}, cobra.ShellCompDirectiveFilterDirs
}
