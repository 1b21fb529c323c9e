package incidents

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"headstart/bus"
	"headstart/cli/cmdutil"
	"headstart/report"
)

func newShow() *cobra.Command {
	c := &cobra.Command{
		Use:   "show ID",
		Short: "Show an incident: hosts, path, timeline, exposed hosts, response",
		Example: `  headstart incidents show 051f4dfe
  headstart incidents show 051f4dfe | less`,
		Args: oneID,
	}
	cl := cmdutil.NewClient(c, nil)
	c.ValidArgsFunction = completeIDs(cl)
	c.RunE = func(c *cobra.Command, args []string) error {
		return cl.Run(c, nil, func(ctx context.Context, b *bus.Bus) error {
			i, err := find(ctx, b, args[0])
			if err != nil {
				return err
			}
			out := c.OutOrStdout()
			return cmdutil.Write(out, report.New(i, report.Options{Zone: time.Local}).Text(cmdutil.Page(out)))
		})
	}
	return c
}
