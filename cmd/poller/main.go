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

// closeTime is the time for which the poller waits for the server to close.
const closeTime = 500 * time.Millisecond

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
			f.BoolVar(&once, "once", false, "one snapshot to standard output, without NATS")
			f.StringVar(&output, "output", "text", "`format` of --once: text or json")
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
			// Sent messages are acknowledged and the others are in the spool, so
			// a server that doesn't answer is left.
			closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
			defer cancel()
			_ = p.Bus.Close(closing)
			return err
		},
	}.Main())
}
