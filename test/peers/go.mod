module headstart/test/peers

go 1.26.0

require (
	headstart/event v0.0.0
	headstart/services/poller v0.0.0
)

replace (
	headstart/event => ../../event
	headstart/services/poller => ../../services/poller
)
