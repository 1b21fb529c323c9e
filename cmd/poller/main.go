// Command poller runs the poller as a process of its own, or prints one
// snapshot.
package main

import (
	"context"
	"os"
	"time"

	"headstart/bus"
	"headstart/daemon"
	"headstart/services/poller"
)

// lastWord is how long the server has to say that it lets the poller go.
const lastWord = 500 * time.Millisecond

func main() {
	var (
		o      poller.Options
		once   bool
		output string
	)
	os.Exit(bus.Process{
		Name:    "poller",
		About:   "poller reads this host's tables of TCP sockets and publishes them as snapshots.",
		Patient: true,
		Flags: func(f *daemon.Flags) {
			o.Flags(f)
			f.BoolVar(&once, "once", false, "print one snapshot and exit; needs no NATS")
			f.StringVar(&output, "output", "text", "how --once prints: `text` or json")
		},
		Before: func(context.Context) (bool, error) {
			if err := o.Check(); err != nil || !once {
				return false, err
			}
			return true, poller.Once(o, output, os.Stdout)
		},
		Run: func(ctx context.Context, p bus.Parts) error {
			o.Bus, o.Log, o.Telemetry = p.Bus, p.Log, p.Telemetry
			err := poller.Run(ctx, o)
			// What was sent has been acknowledged, and the rest is in the
			// spool: a server that doesn't answer isn't waited for.
			closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWord)
			defer cancel()
			_ = p.Bus.Close(closing)
			return err
		},
	}.Main())
}
