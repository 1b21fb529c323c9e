// Command notifier runs the notifier as a process of its own.
package main

import (
	"context"
	"os"

	"headstart/bus"
	"headstart/daemon"
	"headstart/services/notifier"
)

func main() {
	var o notifier.Options
	os.Exit(bus.Process{
		Name:  "notifier",
		About: "notifier sends incidents to chat, ticket systems and webhooks.",
		Flags: func(f *daemon.Flags) { o.Storage.Flags(f); o.Flags(f) },
		Before: func(context.Context) (bool, error) {
			if o.Config == "" {
				return false, daemon.Usage("--config: missing: name the file with the receivers, such as deploy/notifier.example.yaml")
			}
			return false, nil
		},
		Run: func(ctx context.Context, p bus.Parts) error {
			o.Bus, o.Log, o.Telemetry = p.Bus, p.Log, p.Telemetry
			return notifier.Run(ctx, o)
		},
	}.Main())
}
