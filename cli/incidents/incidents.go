// Package incidents is the command headstart incidents: the incidents of a
// running system.
package incidents

import "github.com/spf13/cobra"

// NewCommand returns the command.
func NewCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "incidents",
		Short: "List, show, report and watch the incidents of a running system",
		Long: `List, show, report and watch the incidents of a running system: that of
'headstart run' on this machine, or the one that --server names.

An incident is named by its id, or by an unambiguous beginning of it.`,
		Example: `  headstart incidents list
  headstart incidents show 051f4dfe
  headstart incidents report 051f4dfe --out incident.html`,
	}
	c.AddCommand(newList(), newShow(), newReport(), newWatch())
	return c
}
