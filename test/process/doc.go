// Package process runs programs as processes of their own, for tests that kill
// them: the product's binaries and nats-server, built from this workspace.
//
//	bin := process.Build(t, "headstart/cmd/tracker", process.NATSServer)
//	nats := process.Start(t, process.NATS(bin[process.NATSServer], address, t.TempDir()))
//	nats.WaitReady()
//	nats.Kill()
//	nats.Restart()
//
// It guarantees that no process outlives its test, nor the test binary if that
// is killed itself; and that when a test fails, what its processes wrote is
// shown.
package process
