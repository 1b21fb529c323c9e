package engine

import (
	"errors"
	"testing"

	"headstart/test/process"
)

// NATS is the official image nats:2-alpine, which compose.yaml runs. Its
// stand-in has the nats-server that this module's go.mod names; entry point,
// command and places are those of the official one
// (github.com/nats-io/nats-docker).
func NATS() Image {
	return Image{
		Name: "nats:2-alpine",
		Changes: []string{
			"EXPOSE 4222 8222 6222",
			`ENTRYPOINT ["docker-entrypoint.sh"]`,
			`CMD ["nats-server", "--config", "/etc/nats/nats-server.conf"]`,
		},
		fill: natsSystem,
	}
}

const natsEntrypoint = `#!/bin/sh
if [ "$#" -eq 0 ] || [ "${1#-}" != "$1" ]; then
	set -- nats-server "$@"
fi
exec "$@"
`

func natsSystem(t testing.TB, root archive) error {
	server := process.Build(t, process.NATSServer)[process.NATSServer]
	return errors.Join(
		busybox(t, root),
		root.file("usr/local/bin/nats-server", server),
		root.text("usr/local/bin/docker-entrypoint.sh", natsEntrypoint, ordinary),
		root.text("etc/nats/nats-server.conf", "listen: 0.0.0.0:4222\nhttp: 0.0.0.0:8222\n", 0o644),
	)
}
