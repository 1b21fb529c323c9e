package replay

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"headstart/bus"
	"headstart/cli/clitest"
	"headstart/cli/record"
	"headstart/daemon"
	"headstart/event"
	"headstart/replay/recording"
	"headstart/services/correlator"
	"headstart/services/tracker"
)

// fleet is a few web servers and a file server, as their pollers report them.
type fleet struct {
	system *clitest.System
	at     time.Time
	round  int
	open   map[string][]event.Socket
}

const webServers = 6

func webServer(n int) (string, event.Address) {
	return fmt.Sprintf("web-%02d", n), clitest.Address(fmt.Sprintf("10.1.1.%d", 10+n))
}

// reaches opens a connection from a web server to port 445 of another host, as
// both ends see it.
func (f *fleet) reaches(n int, to event.Address) {
	name, own := webServer(n)
	port := uint16(40000 + len(f.open[name]))
	f.open[name] = append(f.open[name], event.Socket{Local: own, LocalPort: port, Remote: to, RemotePort: 445, State: event.Established, UID: 33, Inode: uint64(port)})
	if to == clitest.Address("10.1.5.10") {
		f.open["files-01"] = append(f.open["files-01"], event.Socket{Local: to, LocalPort: 445, Remote: own, RemotePort: port, State: event.Established, Inode: uint64(port)})
	}
}

// report publishes a snapshot of every host. Each host's clock is off by another
// time, and each has its own addresses and roles.
func (f *fleet) report(t *testing.T) {
	t.Helper()
	send := func(name string, own event.Address, role string, off time.Duration) {
		one := &event.Snapshot{
			Host: name, BootID: "b", Run: "r", Sequence: uint64(f.round + 1), TakenAt: f.at.Add(off), Uptime: time.Hour + time.Duration(f.round)*30*time.Second,
			Interval: 30 * time.Second, Addresses: []event.Address{own}, Roles: []string{role}, Part: 1, Parts: 1, Sockets: slices.Clone(f.open[name]),
		}
		slices.SortFunc(one.Sockets, func(a, b event.Socket) int { return a.CompareKey(&b) })
		f.system.PublishSnapshot(t, one)
	}
	send("files-01", clitest.Address("10.1.5.10"), "file-server", 0)
	for n := range webServers {
		name, own := webServer(n)
		send(name, own, "web", time.Duration(n)*time.Millisecond)
	}
	f.round++
	f.at = f.at.Add(30 * time.Second)
}

func execute(t *testing.T, args ...string) (string, error) {
	t.Helper()
	return clitest.Execute(t, clitest.Root(NewCommand()), args...)
}

// recordAll records a number of stored messages.
func recordAll(t *testing.T, url, dir string, messages int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- clitest.ExecuteIn(ctx, clitest.Root(record.NewCommand()), new(clitest.Buffer), "record", "--dir", dir, "--server", url, "--since", "1h")
	}()
	clitest.Wait(t, "all messages are recorded", func() bool {
		n := 0
		if r, err := recording.Open(dir); err == nil {
			r.Snapshots(ctx, func(*event.Snapshot, time.Duration) error { n++; return nil })
		}
		return n >= messages
	})
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

// TestReplayOfARecordingEqualsTheLiveSystem runs a tracker and a
// correlator, records what they had, and replays it.
func TestReplayOfARecordingEqualsTheLiveSystem(t *testing.T) {
	t.Parallel()
	s := clitest.Start(t, event.StreamConnections, event.StreamAlerts, event.StreamIncidents, event.StreamDeadLetters)
	s.Serve(t, "tracker", func(ctx context.Context, b *bus.Bus, log *slog.Logger) error {
		return tracker.Run(ctx, tracker.Options{Bus: b, Log: log, Telemetry: daemon.NewTelemetry(), Storage: clitest.Storage, MaxTables: 1000})
	})
	s.Serve(t, "correlator", clitest.Correlator(func(o *correlator.Options) { o.Learn = 7 * 24 * time.Hour }))
	f := &fleet{system: s, at: time.Now().Add(-time.Hour).Truncate(time.Second), open: map[string][]event.Socket{}}
	f.report(t)
	for n := range webServers {
		f.report(t)
		f.reaches(n, clitest.Address("10.1.5.10"))
		f.report(t)
		f.reaches(n, clitest.Address("10.1.5.99"))
	}
	for range 20 {
		f.report(t)
	}
	f.reaches(0, clitest.Address("10.1.5.200"))
	f.report(t)
	var live map[string]string
	clitest.Wait(t, "the last alert", func() bool {
		live = s.Alerts(t)
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
	recordAll(t, s.URL, dir, f.round*(webServers+1))
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
			replayed[a.ID] = clitest.JSON(a)
		}
		for id, want := range live {
			if replayed[id] != want {
				t.Errorf("%s, the live system raised\n%s\nthe replay\n%s", twice, want, replayed[id])
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
		{"nothing to replay", nil, "--conn-log: want a file"},
		{"both", []string{"--conn-log", dir, "--snapshots", dir}, "--conn-log and --snapshots exclude each other"},
		{"an interval of snapshots", []string{"--snapshots", dir, "--interval", "10s"}, "--interval: a recording fixes the times of its snapshots"},
		{"a seed of snapshots", []string{"--snapshots", dir, "--seed", "2"}, "--seed: a recording fixes"},
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
