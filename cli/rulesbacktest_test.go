package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"headstart/bus"
	"headstart/conntable"
	"headstart/daemon"
	"headstart/detect/bundle"
	"headstart/event"
	"headstart/lab/simulate"
	"headstart/replay/reconstruct"
	"headstart/replay/recording"
	"headstart/replay/zeek"
	rules "headstart/rules.expr"
	"headstart/services/correlator"
)

// companyDays is how long the company of the tests is watched.
const companyDays = 2

// makeCompany makes up a small company with an intruder, and returns the flags
// for its traffic.
func makeCompany(t *testing.T, start time.Time) (dir string, flags []string) {
	t.Helper()
	dir = t.TempDir()
	s, err := simulate.Simulate(simulate.Options{
		Seed: 3, Start: start, Days: companyDays, Hosts: 10, Intrusions: 1, Kinds: []string{"aggressive"}, Stealth: []int{0}, Learn: 24 * time.Hour,
	})
	if err == nil {
		err = (&simulateOptions{dir: dir}).write(s)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir, []string{"--conn-log", filepath.Join(dir, "conn.log"), "--inventory", filepath.Join(dir, "inventory.yaml"), "--learn", "24h"}
}

// copyOfPack writes the default pack into a directory, with some of its files
// changed.
func copyOfPack(t *testing.T, change func(name, text string) string) string {
	t.Helper()
	dir := t.TempDir()
	entries, err := rules.Files.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := rules.Files.ReadFile(e.Name())
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, e.Name()), change(e.Name(), string(data)))
	}
	return dir
}

// quiet disables rules; all of them if none is named.
func quiet(ids ...string) func(name, text string) string {
	return func(name, text string) string {
		id, isRule := strings.CutSuffix(name, ".yaml")
		if !isRule || !strings.HasPrefix(text, "rule: ") || len(ids) > 0 && !slices.Contains(ids, id) {
			return text
		}
		return strings.Replace(text, "\nseverity:", "\nenabled: false\nseverity:", 1)
	}
}

// backtested is what a backtest's JSON says, as far as it is looked at.
type backtested struct {
	Notes    []string
	OldRules struct{ Name string } `json:"old_rules"`
	Old, New struct{ Alerts, Incidents, Notified int }
	Alerts   struct {
		Gained, Lost []struct{ ID, Rule string }
		Same         int
	}
	Incidents struct {
		Gained, Lost, Changed []any
		Same                  int
		NoLongerTold          []any `json:"no_longer_told"`
	}
	RuleChanges struct {
		Added, Removed []string
		Changed        []struct{ Rule string }
	} `json:"rule_changes"`
	NewPace *struct {
		Numbers struct{ Alerts int }
		Both    int
		Earlier int
	} `json:"new_at_interval"`
}

func backtestJSON(t *testing.T, args ...string) (b backtested) {
	t.Helper()
	out, err := execute(t, append([]string{"rules", "backtest", "--output", "json"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(out), &b); err != nil {
		t.Fatalf("%v: %.2000s", err, out)
	}
	return b
}

func TestBacktestOfALog(t *testing.T) {
	_, flags := makeCompany(t, time.Time{})
	with := func(args ...string) []string { return append(args, flags...) }
	silent := copyOfPack(t, quiet())

	t.Run("the same rules", func(t *testing.T) {
		b := backtestJSON(t, with("default")...)
		if b.Old.Notified == 0 || b.Old != b.New || b.Alerts.Same != b.Old.Alerts || b.Incidents.Same != b.Old.Incidents ||
			len(b.Alerts.Gained)+len(b.Alerts.Lost)+len(b.Incidents.Gained)+len(b.Incidents.Lost)+len(b.Incidents.Changed) != 0 {
			t.Errorf("got %+v", b)
		}
		if len(b.Notes) != 1 || !strings.Contains(b.Notes[0], "still learnt (--learn 24h)") {
			t.Errorf("notes %q", b.Notes)
		}
	})
	t.Run("after it was learnt", func(t *testing.T) {
		b := backtestJSON(t, with("default", "--since", "23h")...)
		if len(b.Notes) != 0 || b.Old.Alerts == 0 {
			t.Errorf("got %+v", b)
		}
	})
	t.Run("no rule is left", func(t *testing.T) {
		out, err := execute(t, with("rules", "backtest", silent, "--fail-on-loss")...)
		if err == nil || !strings.Contains(err.Error(), "people are no longer told of ") {
			t.Errorf("%v\n%s", err, out)
		}
		if usage := (*daemon.UsageError)(nil); errors.As(err, &usage) {
			t.Errorf("a usage error: %v", err)
		}
		for _, want := range []string{silent + " against the default pack", "Notified incidents lost (", "Alerts lost ("} {
			if !strings.Contains(out, want) {
				t.Errorf("no %q in\n%s", want, out)
			}
		}
	})
	t.Run("the other way round", func(t *testing.T) {
		b := backtestJSON(t, with("default", "--against", silent)...)
		if b.Old.Alerts != 0 || len(b.Alerts.Gained) != b.New.Alerts || b.New.Alerts == 0 || len(b.Incidents.Lost) != 0 || len(b.RuleChanges.Changed) < 20 {
			t.Errorf("got %+v", b)
		}
	})
	t.Run("after its end", func(t *testing.T) {
		_, err := execute(t, with("rules", "backtest", "default", "--since", "2030-01-01T00:00:00Z")...)
		if usage := (*daemon.UsageError)(nil); !errors.As(err, &usage) || !strings.Contains(err.Error(), "the history ends at 2025-06-0") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("polled more often", func(t *testing.T) {
		b := backtestJSON(t, with("default", "--interval", "10s")...)
		if p := b.NewPace; p == nil || p.Both == 0 || 2*p.Earlier < p.Both || p.Numbers.Alerts < b.New.Alerts {
			t.Errorf("got %+v", p)
		}
	})
}

// TestBacktestOfARunningSystem fills a system with what its tracker would have
// stored, lets its correlator raise alerts, and tries rules on it.
func TestBacktestOfARunningSystem(t *testing.T) {
	nats, s := startWatched(t)
	dir, flags := makeCompany(t, time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -companyDays))
	fill(t, s, dir)
	flags = append(flags[2:], "--server", s.url) // without --conn-log
	silent := copyOfPack(t, quiet())

	b := backtestJSON(t, append([]string{silent}, flags...)...)
	if len(b.Alerts.Lost) == 0 || b.Old.Notified == 0 || len(b.Incidents.NoLongerTold) == 0 {
		t.Fatalf("got %+v", b)
	}
	var lost []string
	for _, a := range b.Alerts.Lost {
		lost = append(lost, a.ID)
	}

	correlate := func(ctx context.Context, b *bus.Bus, log *slog.Logger) error {
		return correlator.Run(ctx, correlator.Options{
			Bus: b, Log: log, Telemetry: daemon.NewTelemetry(), Storage: bus.Storage{Bytes: 1 << 30, Replicas: 1}, Default: rules.Files, Rules: []string{correlator.PushedRules}, MaxHosts: 1000,
			Inventory: filepath.Join(dir, "inventory.yaml"), Learn: 24 * time.Hour,
		})
	}
	t.Run("the correlator raises the old rules' alerts", func(t *testing.T) {
		s.serve(t, "correlator", correlate) // to the end of this: what it says of itself changes its bucket
		await(t, "the correlator has raised its alerts", func() bool { return len(s.alerts(t)) >= len(lost) })
		raised := slices.Sorted(maps.Keys(s.alerts(t)))
		if slices.Sort(lost); !slices.Equal(lost, raised) {
			t.Errorf("the system has raised\n%v\nthe old rules of the backtest\n%v", raised, lost)
		}
	})
	before := stored(t, nats)
	again := backtestJSON(t, append([]string{silent}, flags...)...)
	if len(again.Alerts.Lost) != len(lost) {
		t.Errorf("%d alerts lost the second time, %d the first", len(again.Alerts.Lost), len(lost))
	}
	if after := stored(t, nats); after != before {
		t.Errorf("a backtest has changed the system: it was\n%s\nand is\n%s", before, after)
	}

	s.serve(t, "correlator", correlate)
	push(t, s, silent)
	await(t, "what was pushed is in force", func() bool {
		out, err := execute(t, "rules", "status", "--server", s.url)
		return err == nil && strings.Contains(out, "revision 3")
	})
	pushed := backtestJSON(t, append([]string{"default"}, flags...)...)
	if pushed.OldRules.Name != "what was pushed (revision 3)" || pushed.Old.Alerts != 0 || len(pushed.Alerts.Gained) != len(lost) {
		t.Errorf("against what was pushed: %+v", pushed)
	}
	if b := backtestJSON(t, append([]string{silent, "--since", "1h", "--warm-up", "1h"}, flags...)...); b.Alerts.Same+len(b.Alerts.Lost) != 0 {
		t.Errorf("what was days ago is reported of the last hour: %+v", b)
	}
}

// push stores the rules of a directory as pushed ones are.
func push(t *testing.T, s *system, dir string) {
	t.Helper()
	layers, err := ruleLayers([]string{dir})
	if err != nil {
		t.Fatal(err)
	}
	book, err := bundle.Read(layers)
	if err != nil {
		t.Fatal(err)
	}
	book.Revision = 3
	packed, err := book.Pack()
	if err != nil {
		t.Fatal(err)
	}
	archive, err := s.bus.OpenRevisions(t.Context(), correlator.RulesBucket, bus.Storage{Bytes: 1 << 30, Replicas: 1})
	if err == nil {
		_, err = archive.Add(t.Context(), correlator.RulesKey, packed, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// startWatched starts a system with a server whose streams can be looked at.
func startWatched(t *testing.T) (*server.Server, *system) {
	t.Helper()
	nats, err := startServer(t.TempDir(), "127.0.0.1:0", 1<<30, discard())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopServer(context.Background(), nats) })
	b, err := bus.Connect(t.Context(), discard(), bus.Options{Name: "test", Server: nats.ClientURL(), Wait: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close(context.Background()) })
	if err := b.EnsureStreams(t.Context(), bus.Storage{Bytes: 1 << 30, Replicas: 1}, event.StreamSnapshots, event.StreamConnections, event.StreamAlerts, event.StreamIncidents, event.StreamDeadLetters); err != nil {
		t.Fatal(err)
	}
	return nats, &system{url: nats.ClientURL(), bus: b}
}

// stored describes what streams and buckets hold.
func stored(t *testing.T, nats *server.Server) string {
	t.Helper()
	info, err := nats.Jsz(&server.JSzOptions{Accounts: true, Streams: true, Config: true})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, account := range info.AccountDetails {
		for _, s := range account.Streams {
			if s.Name == "KV_"+correlator.RulesBucket {
				continue // where the correlator says every minute that it lives
			}
			config, err := json.Marshal(s.Config)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, fmt.Sprintf("%s: %d messages, %d bytes, %d to %d, %s", s.Name, s.State.Msgs, s.State.Bytes, s.State.FirstSeq, s.State.LastSeq, config))
		}
	}
	if len(all) < 5 {
		t.Fatalf("streams %q", all)
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}

// seldom are a company's hosts, polled every five minutes.
func seldom(t *testing.T, dir string) iter.Seq[*event.Snapshot] {
	t.Helper()
	o := traffic{connLogs: []string{filepath.Join(dir, "conn.log")}, inventory: filepath.Join(dir, "inventory.yaml"), interval: 5 * time.Minute, seed: 1}
	p, err := o.check()
	if err != nil {
		t.Fatal(err)
	}
	log, err := zeek.Read(t.Context(), o.connLogs, zeek.Options{})
	if err != nil {
		t.Fatal(err)
	}
	fleet, err := o.fleet(log.Records, o.interval, p)
	if err != nil {
		t.Fatal(err)
	}
	return reconstruct.Merge(fleet.Feeds())
}

// fill publishes what the tracker makes of a company's hosts.
func fill(t *testing.T, s *system, dir string) {
	t.Helper()
	var comparer conntable.Comparer
	var encoder event.ChangesEncoder
	tables := map[string]*conntable.Table{}
	for snapshot := range seldom(t, dir) {
		if tables[snapshot.Host] == nil {
			tables[snapshot.Host] = new(conntable.Table)
		}
		changes := new(event.Changes)
		if comparer.Apply(tables[snapshot.Host], snapshot, 0, changes) != conntable.Compared {
			t.Fatal("a snapshot that could not be compared")
		}
		data, err := encoder.Append(nil, changes)
		if err == nil {
			err = s.bus.Publish(t.Context(), bus.Output{Subject: event.ConnectionSubject(changes.Host), ID: changes.SnapshotID().MessageID(1), Data: data})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestBacktestOfARecording(t *testing.T) {
	dir, flags := makeCompany(t, time.Time{})
	recorded := filepath.Join(t.TempDir(), "recorded")
	w, err := recording.Create(recorded, recording.Options{Created: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	var encoder event.SnapshotEncoder
	n := uint64(0)
	for s := range seldom(t, dir) {
		data, err := encoder.Append(nil, s)
		if err == nil {
			n++
			err = w.Write(&recording.Message{Subject: event.SnapshotSubject(s.Host), Data: data, Stream: time.Unix(1, 0), Sequence: n, StoredAt: s.TakenAt, SentAt: s.TakenAt})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	flags = append(flags[2:], "--snapshots", recorded)
	all := backtestJSON(t, append([]string{copyOfPack(t, quiet())}, flags...)...)
	lately := backtestJSON(t, append([]string{"default", "--since", "1d"}, flags...)...)
	if all.Old.Alerts == 0 || len(all.Alerts.Lost) != all.Old.Alerts || lately.Old.Alerts == 0 || lately.Old.Alerts >= all.Old.Alerts || lately.Old != lately.New {
		t.Errorf("all %+v, lately %+v", all, lately)
	}
}

// await waits for a condition.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not after 30 s: %s", what)
		}
	}
}

func TestBacktestMistakes(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken")
	writeFile(t, filepath.Join(broken, "smb.yaml"), "rule: smb\ntitle: SMB\nseverity: high\nwhen: conn.prt == 445\n")
	if err := os.WriteFile(filepath.Join(dir, "conn.log"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"no rules", nil, "name the directory of the new rules"},
		{"rules with mistakes", []string{broken}, broken + "/smb.yaml:4:12: conn has no field prt"},
		{"old rules with mistakes", []string{"default", "--against", broken}, "--against: want directories of rules"},
		{"no such directory", []string{filepath.Join(dir, "none")}, "no such file or directory"},
		{"an interval of a running system", []string{"default", "--interval", "10s"}, "--interval: only of a conn.log"},
		{"the usual interval", []string{"default", "--interval", "30s", "--conn-log", dir}, "--interval 30s: want 1s to 1h, and another than the usual 30s"},
		{"a time that is none", []string{"default", "--since", "yesterday"}, `--since "yesterday": want a time back such as 7d`},
		{"no time", []string{"default", "--since", "0d"}, `--since "0d"`},
		{"a warm-up of a log", []string{"default", "--warm-up", "1d", "--conn-log", dir}, "--warm-up goes with a running system"},
		{"a warm-up that is none", []string{"default", "--warm-up", "-1h"}, `--warm-up "-1h"`},
		{"two histories", []string{"default", "--conn-log", dir, "--snapshots", dir}, "exclude each other"},
		{"another output", []string{"default", "--output", "xml"}, `--output "xml"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, err := execute(t, append([]string{"rules", "backtest"}, tt.args...)...)
			var usage *daemon.UsageError
			if !errors.As(err, &usage) || !strings.Contains(err.Error(), tt.want) || out != "" {
				t.Errorf("got %v\n%s\nwant %q", err, out, tt.want)
			}
		})
	}
}

func TestParseBack(t *testing.T) {
	for text, want := range map[string]time.Duration{"7d": 7 * 24 * time.Hour, "1d12h": 36 * time.Hour, "36h": 36 * time.Hour, "90m": 90 * time.Minute, "0d": 0} {
		if got, err := parseBack(text); err != nil || got != want {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "d", "1d-25h", "7", "7days", "1.5d", "-1h", "7d-8d", "99999d", "9999d99999h"} {
		if got, err := parseBack(text); err == nil {
			t.Errorf("%q is %s", text, got)
		}
	}
}
