// Package poller_test runs the poller as a process, with a nats-server that
// comes and goes.
package poller_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"headstart/event"
	"headstart/test/natsserver"
	"headstart/test/process"
	"headstart/test/system"
)

const program = "headstart/services/poller/cmd/poller"

// snapshots reads everything in the stream SNAPSHOTS, in order.
func snapshots(t testing.TB, url string) []event.Snapshot {
	t.Helper()
	var all []event.Snapshot
	system.Read(t, url, event.StreamSnapshots, func(m jetstream.Msg) {
		var s event.Snapshot
		if err := new(event.SnapshotDecoder).Decode(m.Data(), &s); err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	})
	return all
}

func count(t testing.TB, url string) int { return len(snapshots(t, url)) }

func await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(60 * time.Second)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not within 60 s", what)
		}
	}
}

func start(t *testing.T, url string, args ...string) (p *process.Process, metrics func() string) {
	t.Helper()
	listen := process.FreeAddress(t, "127.0.0.1")
	p = process.Start(t, process.Spec{
		Path: process.Build(t, program)[program], Ready: process.Answers("http://" + listen + "/healthz"),
		Args: append([]string{"--server", url, "--host", "web-01", "--interval", "200ms", "--listen", listen}, args...),
	})
	p.WaitReady()
	return p, func() string {
		response, err := http.Get("http://" + listen + "/metrics")
		if err != nil {
			return ""
		}
		defer response.Body.Close()
		text, _ := io.ReadAll(response.Body)
		return string(text)
	}
}

func ensure(t *testing.T, url string) {
	t.Helper()
	if err := system.Connect(t, url, "streams").EnsureStreams(t.Context(), system.Storage, event.StreamSnapshots); err != nil {
		t.Fatal(err)
	}
}

func TestSnapshotsWaitForNATS(t *testing.T) {
	server := natsserver.Start(t)
	p, metrics := start(t, server.URL)
	await(t, "snapshots that wait for a stream", func() bool { return metric(metrics(), "headstart_poller_waiting_messages") >= 3 })
	ensure(t, server.URL)
	await(t, "the snapshots that waited", func() bool { return count(t, server.URL) >= 4 })
	server.Stop(t)
	var waiting float64
	await(t, "snapshots that wait for the server", func() bool {
		waiting = metric(metrics(), "headstart_poller_waiting_messages")
		return waiting >= 5
	})
	server.Restart(t)
	before := count(t, server.URL)
	await(t, "the snapshots that waited", func() bool { return count(t, server.URL) > before+5 })
	p.Stop()
	all := snapshots(t, server.URL)
	for i, s := range all {
		if s.Sequence != uint64(i+1) || s.Run != all[0].Run {
			t.Fatalf("snapshot %d is %v: one is missing, comes twice, or out of order", i, s.ID())
		}
		if i > 0 && (s.TakenAt.Sub(all[i-1].TakenAt) > time.Second || s.Uptime <= all[i-1].Uptime) {
			t.Errorf("snapshot %d was taken %s after the one before, though it was only sent late", s.Sequence, s.TakenAt.Sub(all[i-1].TakenAt))
		}
	}
}

func metric(text, name string) float64 {
	for line := range strings.Lines(text) {
		var v float64
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			fmt.Sscan(rest, &v)
			return v
		}
	}
	return -1
}

func TestOldestSnapshotsMakeRoom(t *testing.T) {
	// The least that may be asked for is sixteen blocks of a directory.
	server := natsserver.Start(t)
	p, metrics := start(t, server.URL, "--buffer", "64KiB", "--spool", t.TempDir(), "--interval", "100ms")
	await(t, "the bound", func() bool { return metric(metrics(), "headstart_poller_dropped_messages_total") >= 3 })
	ensure(t, server.URL)
	await(t, "the snapshots that were kept", func() bool { return metric(metrics(), "headstart_poller_waiting_messages") <= 1 })
	p.Stop()
	all := snapshots(t, server.URL)
	if all[0].Sequence < 4 {
		t.Errorf("the first snapshot has the number %d, want the oldest to be dropped, visibly", all[0].Sequence)
	}
}

func TestSpoolSurvivesAKill(t *testing.T) {
	server := natsserver.Start(t)
	p, metrics := start(t, server.URL, "--spool", filepath.Join(t.TempDir(), "spool"))
	await(t, "snapshots that wait", func() bool { return metric(metrics(), "headstart_poller_waiting_messages") >= 5 })
	p.Kill()
	ensure(t, server.URL)
	p.Restart()
	await(t, "snapshots of both runs", func() bool {
		runs := map[string]int{}
		for _, s := range snapshots(t, server.URL) {
			runs[s.Run]++
		}
		return len(runs) == 2
	})
	p.Stop()
	all := snapshots(t, server.URL)
	changed := 0
	for i, s := range all[1:] {
		if s.Run != all[i].Run {
			changed++
			if all[i].Sequence < 5 || s.Sequence != 1 {
				t.Errorf("after %v comes %v: want all of the first run before the second", all[i].ID(), s.ID())
			}
		}
	}
	if changed != 1 {
		t.Errorf("the run changes %d times, want once", changed)
	}
}

func TestControlSpeedsItUpForAWhile(t *testing.T) {
	server := natsserver.Start(t)
	ensure(t, server.URL)
	p, metrics := start(t, server.URL, "--interval", "3s", "--fastest", "100ms")
	await(t, "the first snapshot", func() bool { return count(t, server.URL) >= 1 })
	nc, err := nats.Connect(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	send := func(data []byte) {
		t.Helper()
		if err := nc.Publish(event.ControlSubject("web-01"), data); err != nil {
			t.Fatal(err)
		}
	}
	send([]byte(`{"interval":"often"}`))
	await(t, "a bad message to be counted", func() bool { return metric(metrics(), "headstart_poller_bad_control_messages_total") == 1 })
	data, err := event.EncodeControl(event.Control{Interval: time.Millisecond, ExpiresAt: time.Now().Add(2 * time.Second), Reason: "incident"})
	if err != nil {
		t.Fatal(err)
	}
	send(data)
	fast, slow := 0, 0
	await(t, "faster snapshots, then slower ones again", func() bool {
		fast, slow = 0, 0
		for _, s := range snapshots(t, server.URL) {
			switch {
			case s.Interval == 100*time.Millisecond:
				fast++
			case fast > 0:
				slow++
			}
		}
		return fast > 5 && slow > 1
	})
	t.Logf("%d snapshots at the fastest interval, which is not what was asked for, then %d", fast, slow)
	p.Stop()
}

func TestStopsInTimeWithoutNATS(t *testing.T) {
	p, metrics := start(t, "nats://127.0.0.1:1")
	await(t, "snapshots that wait", func() bool { return metric(metrics(), "headstart_poller_waiting_messages") >= 2 })
	began := time.Now()
	p.Stop()
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("stopped after %s", took)
	}
}

func TestOnce(t *testing.T) {
	binary := process.Build(t, program)[program]
	tcp := "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n" +
		"   0: 0500000A:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2740 1 0000000000000000 100 0 0 10 0\n" +
		"   1: 0500000A:0016 0900000A:C738 01 00000000:00000000 02:000005DC 00000000     0        0 2741 2 0000000000000000 20 4 30 10 -1\n"
	tcp6 := "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n" +
		"   0: 0000000000000000FFFF00000500000A:0050 0000000000000000FFFF00000900000A:C739 01 00000000:00000000 00:00000000 00000000    33        0 2742 1 0000000000000000 20 4 30 10 -1\n" +
		"   1: nonsense\n"
	run := func(t *testing.T, uid uint32, files map[string]string) (out []byte, code int, errs string) {
		t.Helper()
		dir, err := os.MkdirTemp("", "proc-*")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		if err := os.MkdirAll(filepath.Join(dir, "net"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		c := exec.Command(binary, "--once", "--proc", dir, "--output", "json", "--host", "web-01")
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		var stderr bytes.Buffer
		c.Stderr = &stderr
		out, _ = c.Output()
		return out, c.ProcessState.ExitCode(), stderr.String()
	}
	type once struct {
		Host    string    `json:"host"`
		TakenAt time.Time `json:"taken_at"`
		Sockets []struct {
			Local, Remote, State string
			UID, Inode           uint64
		} `json:"sockets"`
		Rejected []struct {
			File  string `json:"file"`
			Line  int    `json:"line"`
			Error string `json:"error"`
		} `json:"rejected"`
	}
	t.Run("both tables and a bad row", func(t *testing.T) {
		out, code, errs := run(t, 0, map[string]string{"net/tcp": tcp, "net/tcp6": tcp6})
		if code != 0 {
			t.Fatalf("exit %d: %s", code, errs)
		}
		var got once
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatal(err)
		}
		if got.Host != "web-01" || got.TakenAt.IsZero() || len(got.Sockets) != 3 {
			t.Fatalf("got %s", out)
		}
		if s := got.Sockets[0]; s.Local != "10.0.0.5:22" || s.Remote != "0.0.0.0:0" || s.State != "LISTEN" || s.Inode != 2740 {
			t.Errorf("first socket is %+v", s)
		}
		if s := got.Sockets[2]; s.Local != "10.0.0.5:80" || s.Remote != "10.0.0.9:51001" || s.UID != 33 {
			t.Errorf("the mapped socket is %+v", s)
		}
		if len(got.Rejected) != 1 || got.Rejected[0].File != "net/tcp6" || got.Rejected[0].Line != 3 || got.Rejected[0].Error == "" {
			t.Errorf("rejected %+v", got.Rejected)
		}
	})
	t.Run("a missing tcp6 is fine", func(t *testing.T) {
		if _, code, errs := run(t, 0, map[string]string{"net/tcp": tcp}); code != 0 {
			t.Errorf("exit %d: %s", code, errs)
		}
	})
	t.Run("a missing tcp is an error", func(t *testing.T) {
		_, code, errs := run(t, 0, map[string]string{"net/tcp6": tcp6})
		if code != 1 || !strings.Contains(errs, "net/tcp") {
			t.Errorf("exit %d: %s", code, errs)
		}
	})
}

func TestBinaryIsSmall(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "poller")
	c := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, program)
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	info, err := os.Stat(binary)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%.1f MiB", float64(info.Size())/(1<<20))
	if info.Size() > 10<<20 {
		t.Errorf("%d bytes, more than 10 MiB", info.Size())
	}
}
