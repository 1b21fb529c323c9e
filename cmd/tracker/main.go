// Command tracker runs the tracker as a process of its own.
package main

import (
	"context"
	"os"

	"headstart/bus"
	"headstart/daemon"
	"headstart/services/tracker"
)

func main() {
	var o tracker.Options
	os.Exit(bus.Process{
		Name:  "tracker",
		About: "tracker turns every host's snapshots into the connections that opened and closed.",
		Flags: func(f *daemon.Flags) { o.Storage.Flags(f); o.Flags(f) },
		Run: func(ctx context.Context, p bus.Parts) error {
			o.Bus, o.Log, o.Telemetry = p.Bus, p.Log, p.Telemetry
			return tracker.Run(ctx, o)
		},
	}.Main())
}
