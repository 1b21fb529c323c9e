module headstart/services/tracker

go 1.26.0

require (
	headstart/bus v0.0.0
	headstart/daemon v0.0.0
	headstart/event v0.0.0
)

require (
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/philhofer/fwd v1.2.0 // indirect
	github.com/rogpeppe/go-internal v1.16.0 // indirect
	github.com/tinylib/msgp v1.6.5 // indirect
	golang.org/x/mod v0.42.0 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/tools v0.52.0 // indirect
)

replace (
	headstart/bus => ../../bus
	headstart/daemon => ../../daemon
	headstart/event => ../../event
)
