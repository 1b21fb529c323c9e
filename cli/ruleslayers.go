package cli

import (
	"github.com/spf13/cobra"

	"headstart/detect/rule"
	rules "headstart/rules.expr"
	"headstart/services/correlator"
)

// ruleLayers are the directories of rules that a command line names, of which a
// later one wins; none is the default pack.
func ruleLayers(dirs []string) ([]rule.Layer, error) { return correlator.Layers(dirs, rules.Files) }

// completeLayers completes the directories that ruleLayers takes.
func completeLayers(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{defaultPack}, cobra.ShellCompDirectiveFilterDirs
}
