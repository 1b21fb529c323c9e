// Command correlator runs the correlator as a process of its own.
package main

import (
	"context"
	"os"

	"headstart/bus"
	"headstart/daemon"
	rules "headstart/rules.expr"
	"headstart/services/correlator"
)

func main() {
	o := correlator.Options{Default: rules.Files}
	os.Exit(bus.Process{
		Name:  "correlator",
		About: "correlator evaluates rules on every host's connections and raises alerts.",
		Flags: func(f *daemon.Flags) { o.Storage.Flags(f); o.Flags(f) },
		Run: func(ctx context.Context, p bus.Parts) error {
			o.Bus, o.Log, o.Telemetry = p.Bus, p.Log, p.Telemetry
			return correlator.Run(ctx, o)
		},
	}.Main())
}
