package record

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"headstart/cli/clitest"
	"headstart/event"
	"headstart/replay/recording"
)

// source is a system with snapshots.
type source struct {
	*clitest.System
	n int // published snapshots
}

func start(t *testing.T) *source {
	t.Helper()
	return &source{System: clitest.Start(t)}
}

func execute(t *testing.T, args ...string) (string, error) {
	t.Helper()
	return clitest.Execute(t, clitest.Root(NewCommand()), args...)
}

// publish sends so many snapshots, of three hosts in turn.
func (s *source) publish(t *testing.T, snapshots int) {
	t.Helper()
	for range snapshots {
		at := time.Date(2025, 6, 5, 14, 30, 0, 0, time.UTC).Add(time.Duration(s.n) * 10 * time.Second)
		s.PublishSnapshot(t, &event.Snapshot{
			Host: fmt.Sprintf("web-%02d", s.n%3), BootID: "b", Run: "r", Sequence: uint64(s.n/3 + 1), TakenAt: at, Uptime: time.Hour + at.Sub(time.Unix(1.7e9, 0)),
			Interval: 30 * time.Second, Part: 1, Parts: 1,
		})
		s.n++
	}
}

// recordUntil runs the command until the recording holds so many messages.
func (s *source) recordUntil(t *testing.T, dir string, messages int, during func(), args ...string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	type end struct {
		out string
		err error
	}
	ended := make(chan end, 1)
	go func() {
		var out strings.Builder
		err := clitest.ExecuteIn(ctx, clitest.Root(NewCommand()), &out, append([]string{"record", "--dir", dir, "--server", s.URL}, args...)...)
		ended <- end{out.String(), err}
	}()
	deadline := time.After(20 * time.Second)
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case e := <-ended:
			t.Fatalf("it ended by itself: %v\n%s", e.err, e.out)
		case <-deadline:
			t.Fatalf("after 20 s it has %d messages, want %d", len(recorded(dir)), messages)
		case <-look.C:
			if during != nil {
				during()
			}
			if len(recorded(dir)) >= messages {
				cancel()
				e := <-ended
				if e.err != nil {
					t.Fatal(e.err)
				}
				return e.out
			}
		}
	}
}

// recorded lists the snapshots of a recording.
func recorded(dir string) (ids []string) {
	r, err := recording.Open(dir)
	if err != nil {
		return nil
	}
	r.Snapshots(context.Background(), func(s *event.Snapshot, _ time.Duration) error {
		ids = append(ids, s.ID().String())
		return nil
	})
	return ids
}

// inOrder checks that a recording has all snapshots from one to another, once.
func (s *source) inOrder(t *testing.T, dir string, from, to int) {
	t.Helper()
	var want []string
	for n := from; n < to; n++ {
		want = append(want, fmt.Sprintf("web-%02d/b/r/%d", n%3, n/3+1))
	}
	if got := recorded(dir); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("recorded %q, want %q", got, want)
	}
}

// TestRecordFollows records what comes from now on.
func TestRecordFollows(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.publish(t, 5)
	dir := filepath.Join(t.TempDir(), "case")
	// The command doesn't report its subscription: publish until it records.
	out := s.recordUntil(t, dir, 4, func() { s.publish(t, 1) })
	ids := recorded(dir)
	if len(ids) < 4 || ids[0] == "web-00/b/r/1" {
		t.Fatalf("recorded %q", ids)
	}
	first := -1
	for n := range s.n {
		if ids[0] == fmt.Sprintf("web-%02d/b/r/%d", n%3, n/3+1) {
			first = n
		}
	}
	if first < 5 {
		t.Errorf("the first recorded is %d", first)
	}
	s.inOrder(t, dir, first, first+len(ids))
	if !strings.Contains(out, fmt.Sprintf("recorded %d messages of 3 hosts, 0.0 MiB, stored from ", len(ids))) || !strings.Contains(out, "manifest.json: SHA-256 ") {
		t.Errorf("output:\n%s", out)
	}
}

// TestRecordResumes records what is stored, is started again, and records the
// rest, each once.
func TestRecordResumes(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.publish(t, 30)
	dir := t.TempDir()
	s.recordUntil(t, dir, 30, nil, "--since", "1h")
	s.inOrder(t, dir, 0, 30)
	s.publish(t, 30)
	s.recordUntil(t, dir, 60, nil, "--since", "1h")
	s.inOrder(t, dir, 0, 60)
	// What comes while it reads back is not missed either.
	published := 0
	s.recordUntil(t, dir, 160, func() {
		if published < 100 {
			s.publish(t, 10)
			published += 10
		}
	}, "--since", "1h")
	s.inOrder(t, dir, 0, 160)
}

func TestRecordSomeHosts(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.publish(t, 12)
	dir := t.TempDir()
	s.recordUntil(t, dir, 8, nil, "--since", "1h", "--host", "web-02,web-00,web-02")
	for _, id := range recorded(dir) {
		if !strings.HasPrefix(id, "web-00") && !strings.HasPrefix(id, "web-02") {
			t.Errorf("recorded %s", id)
		}
	}
	if r, err := recording.Open(dir); err != nil || strings.Join(r.Manifest.Hosts, " ") != "web-00 web-02" {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestRecordEndsByItself(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.publish(t, 12)
	for name, args := range map[string][]string{"for": {"--for", "300ms"}, "bytes": {"--bytes", "1"}} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			out, err := execute(t, append([]string{"record", "--dir", dir, "--since", "1h", "--server", s.URL}, args...)...)
			if err != nil || !strings.Contains(out, "recorded ") {
				t.Fatalf("%v\n%s", err, out)
			}
			if n := len(recorded(dir)); name == "bytes" && n != 1 || name == "for" && n != 12 {
				t.Errorf("%d recorded", n)
			}
		})
	}
}

// TestRecordIsKilled leaves a recording behind as a killed process does.
func TestRecordIsKilled(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.publish(t, 12)
	dir := t.TempDir()
	s.recordUntil(t, dir, 12, nil, "--since", "1h")
	manifest := filepath.Join(dir, "manifest.json")
	text, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	// Of the last file the manifest knows nothing, and its end is missing.
	clitest.WriteFile(t, manifest, strings.Replace(string(text), `"files": [`, `"files": [], "was": [`, 1))
	name := filepath.Join(dir, "snapshots-000001.hsr")
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(name, info.Size()-10); err != nil {
		t.Fatal(err)
	}
	s.inOrder(t, dir, 0, 11)
	s.recordUntil(t, dir, 12, nil, "--since", "1h")
	s.inOrder(t, dir, 0, 12)
	r, err := recording.Open(dir)
	if err != nil || len(r.Manifest.Files) != 2 || !r.Manifest.Files[0].Recovered || len(r.Unfinished) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestRecordMistakes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	clitest.WriteFile(t, file, "")
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"no directory": {nil, "--dir: want a directory to record into"},
		"a file":       {[]string{"--dir", file}, "not a directory"},
		"no time":      {[]string{"--dir", t.TempDir(), "--for", "-1s"}, "want a duration of 0 or more"},
		"an argument":  {[]string{"web-01"}, "headstart record --help"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := execute(t, append([]string{"record"}, c.args...)...)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %s\n%s", err, c.want, out)
			}
		})
	}
}
