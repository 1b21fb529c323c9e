package clitest

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"headstart/bus"
	"headstart/cli/cmdutil"
	"headstart/cli/run/embedded"
	"headstart/daemon"
	"headstart/event"
	rules "headstart/rules.expr"
	"headstart/services/correlator"
)

// Storage is the storage of the streams.
var Storage = bus.Storage{Bytes: 1 << 30, Replicas: 1}

// System is a server with streams, and a connection to it.
type System struct {
	URL  string
	Bus  *bus.Bus
	NATS *server.Server
}

// Start starts a server with the stream of snapshots and others. It stops with
// the test.
func Start(t testing.TB, streams ...string) *System {
	t.Helper()
	nats, err := embedded.StartServer(t.TempDir(), "127.0.0.1:0", 1<<30, Discard())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { embedded.StopServer(context.Background(), nats) })
	b, err := bus.Connect(t.Context(), Discard(), bus.Options{Name: "test", Server: nats.ClientURL(), Wait: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close(context.Background()) })
	if err := b.EnsureStreams(t.Context(), Storage, append(streams, event.StreamSnapshots)...); err != nil {
		t.Fatal(err)
	}
	return &System{URL: nats.ClientURL(), Bus: b, NATS: nats}
}

// Discard returns a logger that drops everything.
func Discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// Serve runs a service of the system until the test ends.
func (s *System) Serve(t testing.TB, name string, run cmdutil.Service) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := s.Go(ctx, name, run)
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil && ctx.Err() == nil {
			t.Errorf("%s: %v", name, err)
		}
	})
}

// Go runs a service of the system until the context ends.
func (s *System) Go(ctx context.Context, name string, run cmdutil.Service) <-chan error {
	ended := make(chan error, 1)
	go func() {
		ended <- cmdutil.Connected(ctx, bus.Options{Name: name, Server: s.URL, Wait: 10 * time.Second}, Discard(), run)
	}()
	return ended
}

// Correlator returns a correlator with the default ruleset as its default. change
// changes its options.
func Correlator(change func(*correlator.Options)) cmdutil.Service {
	return func(ctx context.Context, b *bus.Bus, log *slog.Logger) error {
		o := correlator.Options{Bus: b, Log: log, Telemetry: daemon.NewTelemetry(), Storage: Storage, Default: rules.Files, MaxHosts: 1000}
		change(&o)
		return correlator.Run(ctx, o)
	}
}

// Publish publishes a message, as encoded.
func (s *System) Publish(t testing.TB, o bus.Output, err error) {
	t.Helper()
	if err == nil {
		err = s.Bus.Publish(t.Context(), o)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// PublishChanges publishes changes of a host.
func (s *System) PublishChanges(t testing.TB, c *event.Changes) {
	t.Helper()
	data, err := new(event.ChangesEncoder).Append(nil, c)
	s.Publish(t, bus.Output{Subject: event.ConnectionSubject(c.Host), ID: c.SnapshotID().MessageID(1), Data: data}, err)
}

// PublishSnapshot publishes a snapshot of a host.
func (s *System) PublishSnapshot(t testing.TB, one *event.Snapshot) {
	t.Helper()
	data, err := new(event.SnapshotEncoder).Append(nil, one)
	s.Publish(t, bus.Output{Subject: event.SnapshotSubject(one.Host), ID: one.ID().MessageID(1), Data: data}, err)
}

// Alerts returns the alerts of the system in JSON, by id.
func (s *System) Alerts(t testing.TB) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := s.Bus.Read(t.Context(), event.StreamAlerts, 1, 0, func(m bus.Message) error {
		a, err := event.DecodeAlert(m.Data)
		if err == nil {
			all[a.ID] = JSON(a)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// JSON returns a value in JSON.
func JSON(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// Address parses an address.
func Address(text string) event.Address { return event.AddressFrom(netip.MustParseAddr(text)) }
