package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"headstart/bus"
	"headstart/daemon"
	"headstart/event"
	rules "headstart/rules.expr"
	"headstart/services/correlator"
	"headstart/services/tracker"
)

// fleet is a few web servers and a file server, as their pollers report them.
type fleet struct {
	system *system
	at     time.Time
	round  int
	open   map[string][]event.Socket
}

const webServers = 6

func webServer(n int) (string, event.Address) {
	return fmt.Sprintf("web-%02d", n), address(fmt.Sprintf("10.1.1.%d", 10+n))
}

// reaches opens a connection from a web server to port 445 of another host, as
// both ends see it.
func (f *fleet) reaches(n int, to event.Address) {
	name, own := webServer(n)
	port := uint16(40000 + len(f.open[name]))
	f.open[name] = append(f.open[name], event.Socket{Local: own, LocalPort: port, Remote: to, RemotePort: 445, State: event.Established, UID: 33, Inode: uint64(port)})
	if to == address("10.1.5.10") {
		f.open["files-01"] = append(f.open["files-01"], event.Socket{Local: to, LocalPort: 445, Remote: own, RemotePort: port, State: event.Established, Inode: uint64(port)})
	}
}

// report publishes a snapshot of every host. Each host's clock is off by another
// time, and each says something else of itself.
func (f *fleet) report(t *testing.T) {
	t.Helper()
	send := func(name string, own event.Address, role string, off time.Duration) {
		one := &event.Snapshot{
			Host: name, BootID: "b", Run: "r", Sequence: uint64(f.round + 1), TakenAt: f.at.Add(off), Uptime: time.Hour + time.Duration(f.round)*30*time.Second,
			Interval: 30 * time.Second, Addresses: []event.Address{own}, Roles: []string{role}, Part: 1, Parts: 1, Sockets: slices.Clone(f.open[name]),
		}
		slices.SortFunc(one.Sockets, func(a, b event.Socket) int { return a.CompareKey(&b) })
		data, err := new(event.SnapshotEncoder).Append(nil, one)
		if err == nil {
			err = f.system.bus.Publish(t.Context(), bus.Output{Subject: event.SnapshotSubject(one.Host), ID: one.ID().MessageID(1), Data: data})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	send("files-01", address("10.1.5.10"), "file-server", 0)
	for n := range webServers {
		name, own := webServer(n)
		send(name, own, "web", time.Duration(n)*time.Millisecond)
	}
	f.round++
	f.at = f.at.Add(30 * time.Second)
}

// serve runs a part of the system until the test ends.
func (s *system) serve(t *testing.T, name string, run service) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- connected(ctx, bus.Options{Name: name, Server: s.url, Wait: 10 * time.Second}, discard(), run)
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil && ctx.Err() == nil {
			t.Errorf("%s: %v", name, err)
		}
	})
}

// alerts returns those that the system has raised, by id.
func (s *system) alerts(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := s.bus.Read(t.Context(), event.StreamAlerts, 1, 0, func(m bus.Message) error {
		a, err := event.DecodeAlert(m.Data)
		if err == nil {
			all[a.ID] = describeAlert(a)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// describeAlert is what has to be the same.
func describeAlert(a *event.Alert) string {
	data, err := json.Marshal(a)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// TestReplayOfARecordingSaysWhatTheLiveSystemSaid runs a tracker and a
// correlator, records what they had, and replays it.
func TestReplayOfARecordingSaysWhatTheLiveSystemSaid(t *testing.T) {
	s := startSystem(t, event.StreamConnections, event.StreamAlerts, event.StreamIncidents, event.StreamDeadLetters)
	storage := bus.Storage{Bytes: 1 << 30, Replicas: 1}
	s.serve(t, "tracker", func(ctx context.Context, b *bus.Bus, log *slog.Logger) error {
		return tracker.Run(ctx, tracker.Options{Bus: b, Log: log, Telemetry: daemon.NewTelemetry(), Storage: storage, MaxTables: 1000})
	})
	s.serve(t, "correlator", func(ctx context.Context, b *bus.Bus, log *slog.Logger) error {
		return correlator.Run(ctx, correlator.Options{
			Bus: b, Log: log, Telemetry: daemon.NewTelemetry(), Storage: storage, Default: rules.Files, MaxHosts: 1000, Learn: 7 * 24 * time.Hour,
		})
	})
	f := &fleet{system: s, at: time.Now().Add(-time.Hour).Truncate(time.Second), open: map[string][]event.Socket{}}
	f.report(t)
	for n := range webServers {
		f.report(t)
		f.reaches(n, address("10.1.5.10"))
		f.report(t)
		f.reaches(n, address("10.1.5.99"))
	}
	for range 20 {
		f.report(t)
	}
	f.reaches(0, address("10.1.5.200"))
	f.report(t)
	var live map[string]string
	wait(t, "the last alert", func() bool {
		live = s.alerts(t)
		for _, text := range live {
			if strings.Contains(text, "10.1.5.200") {
				return true
			}
		}
		return false
	})
	if len(live) < 2*webServers+1 {
		t.Fatalf("only %d alerts: %v", len(live), live)
	}

	dir := filepath.Join(t.TempDir(), "case")
	s.recordUntil(t, dir, f.round*(webServers+1), nil, "--since", "1h")
	for _, twice := range []string{"once", "again"} {
		out, err := execute(t, "replay", "--snapshots", dir, "--output", "json")
		if err != nil {
			t.Fatal(err)
		}
		replayed := map[string]string{}
		for line := range strings.Lines(out) {
			if !strings.HasPrefix(line, `{"type":"alert"`) {
				continue
			}
			a, err := event.DecodeAlert([]byte(line))
			if err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			replayed[a.ID] = describeAlert(a)
		}
		for id, want := range live {
			if replayed[id] != want {
				t.Errorf("%s, the live system said\n%s\nthe replay\n%s", twice, want, replayed[id])
			}
		}
		if len(replayed) != len(live) {
			t.Errorf("%s, %d alerts, the live system raised %d", twice, len(replayed), len(live))
		}
	}
	t.Run("until a time", func(t *testing.T) {
		out, err := execute(t, "replay", "--snapshots", dir, "--until", f.at.Add(-60*time.Second).Format(time.RFC3339))
		if err != nil || strings.Contains(out, "10.1.5.200") || !strings.Contains(out, "10.1.5.99") {
			t.Errorf("%v\n%s", err, out)
		}
	})
	t.Run("as text", func(t *testing.T) {
		out, err := execute(t, "replay", "--snapshots", dir, "--output", "text")
		if err != nil || !strings.Contains(out, "web-00 reached files-01") || !strings.Contains(out, fmt.Sprintf("%d snapshots, ", f.round*(webServers+1))) {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

func TestReplayMistakes(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"nothing to replay", nil, "--conn-log: name a file"},
		{"both", []string{"--conn-log", dir, "--snapshots", dir}, "--conn-log and --snapshots exclude each other"},
		{"an interval of snapshots", []string{"--snapshots", dir, "--interval", "10s"}, "--interval: snapshots were taken when they were taken"},
		{"a seed of snapshots", []string{"--snapshots", dir, "--seed", "2"}, "--seed: snapshots were taken"},
		{"no recording", []string{"--snapshots", dir}, "no manifest.json here, so no recording"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, err := execute(t, append([]string{"replay"}, tt.args...)...)
			if err == nil || !strings.Contains(err.Error(), tt.want) || out != "" {
				t.Errorf("%v, want %s\n%s", err, tt.want, out)
			}
		})
	}
}
