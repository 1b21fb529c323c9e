module headstart/test

go 1.26.0

require (
	github.com/nats-io/nats-server/v2 v2.15.2
	github.com/nats-io/nats.go v1.55.0
	github.com/vishvananda/netlink v1.3.1
	github.com/vishvananda/netns v0.0.5
	golang.org/x/sys v0.49.0
	headstart/event v0.0.0
)

require (
	github.com/antithesishq/antithesis-sdk-go v0.8.0-default-no-op // indirect
	github.com/google/go-tpm v0.9.8 // indirect
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/minio/highwayhash v1.0.4 // indirect
	github.com/nats-io/jwt/v2 v2.8.2 // indirect
	github.com/nats-io/nkeys v0.4.16 // indirect
	github.com/nats-io/nuid v1.0.1 // indirect
	github.com/philhofer/fwd v1.2.0 // indirect
	github.com/tinylib/msgp v1.6.5 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/time v0.16.0 // indirect
	headstart/rules.expr v0.0.0
	headstart/services/correlator v0.0.0
	headstart/services/notifier v0.0.0
	headstart/services/tracker v0.0.0
)

replace (
	headstart/bus => ../bus
	headstart/daemon => ../daemon
	headstart/event => ../event
)

tool github.com/nats-io/nats-server/v2

replace headstart/rules.expr => ../rules.expr

replace headstart/services/correlator => ../services/correlator

replace headstart/services/notifier => ../services/notifier

replace headstart/services/tracker => ../services/tracker
