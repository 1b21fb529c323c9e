package cmdutil

import (
	"github.com/spf13/cobra"

	"headstart/daemon"
)

// Renamed makes an old name of a flag a usage error that names the new one.
func Renamed(c *cobra.Command, old, name string) {
	c.Flags().Var(renamed{old, name}, old, "")
	c.Flags().MarkHidden(old)
}

type renamed struct{ old, name string }

func (renamed) String() string { return "" }
func (renamed) Type() string   { return "value" }

func (r renamed) Set(string) error {
	return daemon.Usage("the flag is now --%s", r.name)
}
