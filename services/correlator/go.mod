module headstart/services/correlator

go 1.26.0

require (
	github.com/VictoriaMetrics/metrics v1.44.0
	github.com/tinylib/msgp v1.6.5
	headstart/bus v0.0.0
	headstart/daemon v0.0.0
	headstart/event v0.0.0
)

require (
	github.com/nats-io/nats.go v1.55.0 // indirect
	github.com/nats-io/nkeys v0.4.16 // indirect
	github.com/nats-io/nuid v1.0.1 // indirect
	github.com/philhofer/fwd v1.2.0 // indirect
	github.com/valyala/fastrand v1.1.0 // indirect
	github.com/valyala/histogram v1.2.0 // indirect
	golang.org/x/crypto v0.57.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	google.golang.org/protobuf v1.36.11 // indirect
)

require (
	github.com/DataDog/sketches-go v1.4.8
	github.com/expr-lang/expr v1.17.8
	github.com/klauspost/compress v1.20.3
	go.yaml.in/yaml/v3 v3.0.6
	golang.org/x/tools v0.52.0
	headstart/rules.expr v0.0.0
)

replace (
	headstart/bus => ../../bus
	headstart/daemon => ../../daemon
	headstart/event => ../../event
)

replace headstart/rules.expr => ../../rules.expr
