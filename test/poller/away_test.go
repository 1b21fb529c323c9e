// Package poller_test runs the poller's real program against a real
// nats-server, and takes the server away from it.
package poller_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"headstart/event"
	"headstart/test/process"
)

const (
	taken   = "headstart_poller_snapshots_total"
	waiting = "headstart_poller_waiting_messages"
	dropped = "headstart_poller_dropped_messages_total"
	failed  = "headstart_poller_send_failures_total"
)

// server is a nats-server that isn't there until it is started.
type server struct {
	t    *testing.T
	url  string
	spec process.Spec
}

func newServer(t *testing.T) *server {
	t.Helper()
	address := process.FreeAddress(t, "127.0.0.1")
	return &server{t, "nats://" + address, process.NATS(t, address, t.TempDir())}
}

func (s *server) start() *process.Process {
	s.t.Helper()
	p := process.Start(s.t, s.spec)
	p.WaitReady()
	return p
}

// startWithStream starts the server and makes the stream.
func (s *server) startWithStream() (*process.Process, *store) {
	s.t.Helper()
	p := s.start()
	stored := connect(s.t, s.url)
	stored.create()
	return p, stored
}

// lacks checks that snapshots are of one run after the other, each in the order
// in which it took them, and returns how many are missing before each run's
// last one.
func lacks(t *testing.T, all []event.Snapshot) []int {
	t.Helper()
	var missing []int
	var runs []string
	for i, s := range all {
		if i == 0 || s.Run != all[i-1].Run {
			if slices.Contains(runs, s.Run) {
				t.Errorf("snapshot %d of run %s comes after another run's", s.Sequence, s.Run)
			}
			runs, missing = append(runs, s.Run), append(missing, int(s.Sequence)-1)
			continue
		}
		before := all[i-1]
		if s.Sequence <= before.Sequence || !s.TakenAt.After(before.TakenAt) || s.Uptime <= before.Uptime {
			t.Errorf("snapshot %d of %s comes after %d of %s", s.Sequence, s.TakenAt, before.Sequence, before.TakenAt)
		}
		missing[len(missing)-1] += int(s.Sequence - before.Sequence - 1)
	}
	return missing
}

func TestNATSIsAwayAtTheStart(t *testing.T) {
	s := newServer(t)
	p := start(t, s.url)
	p.awaitMetric(taken, 5)
	before := time.Now()
	s.start()
	p.awaitMetric(failed, p.metric(failed)+1) // there is no stream yet: no tracker has run
	stored := connect(t, s.url)
	stored.create()
	stored.await(p.metric(taken))
	all := stored.all()
	if missing := lacks(t, all); !slices.Equal(missing, []int{0}) {
		t.Errorf("%d snapshots of each run are missing, want one run and none missing", missing)
	}
	if late := all[4].TakenAt; !late.Before(before) {
		t.Errorf("the fifth snapshot is dated %s, want its true time, before %s", late, before)
	}
	stored.await(len(all) + 5)
	p.Stop()
}

func TestNATSOutage(t *testing.T) {
	s := newServer(t)
	running, stored := s.startWithStream()
	p := start(t, s.url)
	seen := stored.await(3)
	running.Kill()
	p.awaitMetric(waiting, 5)
	running.Restart()
	running.WaitReady()
	stored.await(seen + 10)
	p.Stop()
	if missing := lacks(t, stored.all()); !slices.Equal(missing, []int{0}) {
		t.Errorf("%d snapshots of each run are missing, want one run and none missing", missing)
	}
}

func TestTheOldestMakeRoom(t *testing.T) {
	s := newServer(t)
	running, stored := s.startWithStream()
	p := start(t, s.url, "--buffer", "1MiB", "--proc", bigProc(t)) // room for a few
	stored.await(2)
	running.Kill()
	p.awaitMetric(dropped, 3)
	running.Restart()
	running.WaitReady()
	await(t, "nothing waits any more", func() bool { return p.metric(waiting) == 0 && p.metric(taken) > 0 })
	counted := p.metric(dropped)
	p.Stop()
	all := stored.all()
	missing := lacks(t, all)
	// The one that was on its way when the server was killed can be in the
	// stream although it was dropped: the poller does not know.
	if len(missing) != 1 || missing[0] != counted && missing[0] != counted-1 {
		t.Errorf("%d snapshots of each run are missing, want the %d that were dropped", missing, counted)
	}
	gaps := 0
	for i := 1; i < len(all); i++ {
		if all[i].Sequence != all[i-1].Sequence+1 {
			gaps++
		}
	}
	if gaps != 1 {
		t.Errorf("%d gaps, want one: the oldest are dropped, so what is left is in one piece", gaps)
	}
}

// bigProc makes a directory like /proc whose table takes more than 100 KiB as a
// snapshot.
func bigProc(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(1, 2))
	var table strings.Builder
	fmt.Fprintln(&table, "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode")
	for n := range 20_000 {
		fmt.Fprintf(&table, "%4d: 0A01010A:01BB %08X:%04X 01 00000000:00000000 00:00000000 00000000    33        0 %d 1 0000000000000000 20 4 30 10 -1\n",
			n, random.Uint32(), random.Uint32N(1<<16), random.Uint32())
	}
	for file, text := range map[string]string{"net/tcp": table.String(), "sys/kernel/random/boot_id": "6f1c1c56-3c1d-4c39-a5f4-64ee2a87a3f1\n"} {
		path := filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestSpoolSurvivesKillAndRestart(t *testing.T) {
	s := newServer(t)
	p := start(t, s.url, "--spool", filepath.Join(t.TempDir(), "spool"))
	p.awaitMetric(waiting, 5)
	p.Kill()
	p.Restart()
	p.awaitMetric(waiting, 8)
	p.Restart()
	p.awaitMetric(taken, 3)
	s.start()
	stored := connect(t, s.url)
	stored.create()
	await(t, "nothing waits any more", func() bool { return p.metric(waiting) == 0 && stored.count() > 8 })
	p.Stop()
	all := stored.all()
	if missing := lacks(t, all); !slices.Equal(missing, []int{0, 0, 0}) {
		t.Errorf("%d snapshots of each run are missing, want three runs and none missing", missing)
	}
	for i := 1; i < len(all); i++ {
		if !all[i].TakenAt.After(all[i-1].TakenAt) || all[i].BootID != all[0].BootID {
			t.Errorf("snapshot of %s comes after one of %s", all[i].TakenAt, all[i-1].TakenAt)
		}
	}
}

func TestTooLargeForTheServerHoldsUpNothing(t *testing.T) {
	s := newServer(t)
	proc := bigProc(t)
	p := start(t, s.url, "--proc", proc)
	p.awaitMetric(taken, 3) // packed for a server of normal size
	config := filepath.Join(t.TempDir(), "nats.conf")
	if err := os.WriteFile(config, []byte("max_payload: 64KiB\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.spec.Args = append(s.spec.Args, "--config", config)
	_, stored := s.startWithStream()
	p.awaitMetric("headstart_poller_too_large_messages_total", 3)
	stored.await(10)
	p.Stop()
	parts := map[uint64]int{}
	for _, part := range stored.all() {
		parts[part.Sequence]++
		if part.Parts < 2 {
			t.Errorf("snapshot %d has %d parts, want several of less than 64 KiB", part.Sequence, part.Parts)
		}
	}
	if parts[1] > 0 {
		t.Error("a part that is too large was stored")
	}
}
