package recording_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"headstart/event"
	"headstart/replay/recording"
)

var noon = time.Date(2025, 6, 5, 12, 0, 0, 0, time.UTC)

// message is the n-th of a stream, of a host in turn.
func message(t testing.TB, n int) *recording.Message {
	t.Helper()
	host := fmt.Sprintf("web-%02d", n%3)
	at := noon.Add(time.Duration(n) * 10 * time.Second)
	s := &event.Snapshot{
		Host: host, BootID: "b1", Run: "r1", Sequence: uint64(n/3 + 1), TakenAt: at, Uptime: time.Hour + at.Sub(noon),
		Interval: 30 * time.Second, Part: 1, Parts: 1, Addresses: []event.Address{event.AddressFrom4(0x0a000000 + uint32(n%3))},
		Sockets: []event.Socket{{LocalPort: 22, State: event.Listen, Inode: uint64(n)}},
	}
	data, err := new(event.SnapshotEncoder).Append(nil, s)
	if err != nil {
		t.Fatal(err)
	}
	return &recording.Message{
		Subject: event.SnapshotSubject(host), Data: data, Stream: noon, Sequence: uint64(n + 1),
		StoredAt: at.Add(30 * time.Millisecond), SentAt: at.Add(10 * time.Millisecond),
	}
}

func create(t testing.TB, dir string, o recording.Options) *recording.Writer {
	t.Helper()
	w, err := recording.Create(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func write(t testing.TB, w *recording.Writer, from, to int) {
	t.Helper()
	for n := from; n < to; n++ {
		if err := w.Write(message(t, n)); err != nil {
			t.Fatal(err)
		}
	}
}

func record(t testing.TB, o recording.Options, messages int) (dir string) {
	t.Helper()
	dir = t.TempDir()
	w := create(t, dir, o)
	write(t, w, 0, messages)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func open(t testing.TB, dir string) *recording.Recording {
	t.Helper()
	r, err := recording.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// holds checks that a recording has the first messages of the stream.
func holds(t testing.TB, dir string, messages int) {
	t.Helper()
	n := 0
	err := open(t, dir).Messages(t.Context(), func(m *recording.Message) error {
		want := message(t, n)
		if m.Subject != want.Subject || !bytes.Equal(m.Data, want.Data) || m.Sequence != want.Sequence || !m.Stream.Equal(want.Stream) ||
			!m.StoredAt.Equal(want.StoredAt) || !m.SentAt.Equal(want.SentAt) {
			t.Fatalf("message %d is %+v, want %+v", n, m, want)
		}
		n++
		return nil
	})
	if err != nil || n != messages {
		t.Errorf("%d messages, want %d: %v", n, messages, err)
	}
}

// small files hold a few messages each.
var small = recording.Options{Created: noon, FileBytes: 1000}

func TestWhatIsRecordedIsRead(t *testing.T) {
	dir := record(t, small, 50)
	holds(t, dir, 50)
	m := open(t, dir).Manifest
	if m.Format != 1 || !m.Created.Equal(noon) || len(m.Files) < 5 {
		t.Errorf("manifest %+v", m)
	}
	messages := 0
	for i, f := range m.Files {
		content, err := os.ReadFile(filepath.Join(dir, f.Name))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(content)
		first, last := message(t, messages), message(t, messages+f.Messages-1)
		if f.SHA256 != hex.EncodeToString(sum[:]) || f.Bytes != int64(len(content)) || f.Bytes > 1000 || f.Recovered ||
			!f.First.Equal(first.StoredAt) || !f.Last.Equal(last.StoredAt) || f.Name != fmt.Sprintf("snapshots-%06d.hsr", i+1) {
			t.Errorf("file %d is %+v", i, f)
		}
		messages += f.Messages
	}
	for _, name := range []string{"manifest.json", m.Files[0].Name} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

func TestFilesEndByTime(t *testing.T) {
	dir := record(t, recording.Options{FileTime: time.Minute}, 13)
	if files := open(t, dir).Manifest.Files; len(files) != 3 || files[0].Messages != 6 {
		t.Errorf("files %+v", files)
	}
}

func TestSnapshots(t *testing.T) {
	dir := record(t, small, 30)
	n := 0
	totals, err := open(t, dir).Snapshots(t.Context(), func(s *event.Snapshot, lag time.Duration) error {
		if s.Host != fmt.Sprintf("web-%02d", n%3) || s.Sequence != uint64(n/3+1) || lag != 20*time.Millisecond || len(s.Sockets) != 1 {
			t.Errorf("snapshot %d is %+v, lag %s", n, s, lag)
		}
		n++
		return nil
	})
	if err != nil || totals.Snapshots != 30 || totals.Messages != 30 || totals.Bad != 0 || totals.Incomplete != 0 {
		t.Errorf("%+v, %v", totals, err)
	}
}

// TestParts records a snapshot in parts, one of which a part is missing, and
// what is no snapshot at all.
func TestParts(t *testing.T) {
	dir := t.TempDir()
	w := create(t, dir, recording.Options{})
	r := rand.New(rand.NewPCG(1, 1))
	var want []event.Socket
	for sequence := range 2 {
		s := &event.Snapshot{Host: "db", BootID: "b", Run: "r", Sequence: uint64(sequence + 1), TakenAt: noon, Uptime: time.Hour}
		for range 2000 {
			s.Sockets = append(s.Sockets, event.Socket{
				Local: event.AddressFrom4(0x0a000005), LocalPort: 443, Remote: event.AddressFrom4(r.Uint32()), RemotePort: 40000, State: event.Established, Inode: r.Uint64N(1 << 40),
			})
		}
		s.Sockets = event.NormalizeSockets(s.Sockets)
		want = s.Sockets
		parts, err := new(event.SnapshotEncoder).Parts(s, 8<<10)
		if err != nil || len(parts) < 2 {
			t.Fatalf("%d parts, %v", len(parts), err)
		}
		if sequence == 0 {
			parts = parts[1:]
		}
		for _, data := range parts {
			if err := w.Write(&recording.Message{Subject: "snapshot.db", Data: data, StoredAt: noon}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, m := range []*recording.Message{{Subject: "snapshot.db", Data: []byte("x")}, {Subject: "snapshot.other", Data: message(t, 0).Data}} {
		if err := w.Write(m); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	totals, err := open(t, dir).Snapshots(t.Context(), func(s *event.Snapshot, lag time.Duration) error {
		if s.Sequence != 2 || !slices.Equal(s.Sockets, want) || lag != 0 {
			t.Errorf("%s with %d sockets, lag %s", s.ID(), len(s.Sockets), lag)
		}
		return nil
	})
	if err != nil || totals.Snapshots != 1 || totals.Incomplete != 1 || totals.Bad != 2 || len(totals.Errors) != 2 {
		t.Errorf("%+v, %v", totals, err)
	}
}

// TestKilledAnywhere cuts the file that is being written in all kinds of places:
// what was whole is read, and a new recorder goes on after it.
func TestKilledAnywhere(t *testing.T) {
	dir := record(t, small, 10)
	finished := open(t, dir).Manifest
	last := finished.Files[len(finished.Files)-1]
	before := 10 - last.Messages
	content, err := os.ReadFile(filepath.Join(dir, last.Name))
	if err != nil {
		t.Fatal(err)
	}
	finished.Files = finished.Files[:len(finished.Files)-1]
	manifest, err := json.Marshal(finished)
	if err != nil {
		t.Fatal(err)
	}
	put := func(name string, content []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	frame := (len(content) - 4) / last.Messages // all messages are about as long
	for cut := 0; cut <= len(content); cut += 1 + cut%11 {
		put("manifest.json", manifest)
		put(last.Name, content[:cut])
		n := 0
		err := open(t, dir).Messages(t.Context(), func(*recording.Message) error { n++; return nil })
		if whole := n - before; err != nil || whole < max(0, cut-4)/frame-1 || whole > max(0, cut-4)/frame+1 || whole < 0 {
			t.Fatalf("cut at %d of %d: %d messages after %d, %v", cut, len(content), whole, before, err)
		}
		w := create(t, dir, small)
		if !w.Has(noon, uint64(n)) || w.Has(noon, uint64(n+1)) || w.Has(noon.Add(1), 1) {
			t.Fatalf("cut at %d: another message than %d is the last", cut, n)
		}
		write(t, w, n, 12)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		holds(t, dir, 12)
		r := open(t, dir)
		if len(r.Unfinished) != 0 {
			t.Fatalf("cut at %d: %q is unfinished", cut, r.Unfinished)
		}
		for _, f := range r.Manifest.Files {
			if f.Recovered != (f.Name == last.Name && n > before) {
				t.Fatalf("cut at %d: %+v", cut, f)
			}
			if f.Name >= last.Name {
				os.Remove(filepath.Join(dir, f.Name))
			}
		}
		os.Remove(filepath.Join(dir, last.Name+".cut"))
	}
}

// TestRestBesideARecoveredFile keeps what can't be read: it may be evidence.
func TestRestBesideARecoveredFile(t *testing.T) {
	dir := t.TempDir()
	w := create(t, dir, small)
	write(t, w, 0, 3)
	name := filepath.Join(dir, "snapshots-000001.hsr")
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	// The recorder is gone without a word; the file's last message is damaged.
	content[len(content)-1] ^= 1
	dir = t.TempDir()
	name = filepath.Join(dir, "snapshots-000001.hsr")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := create(t, dir, small).Close(); err != nil {
		t.Fatal(err)
	}
	holds(t, dir, 2)
	rest, err := os.ReadFile(name + ".cut")
	if err != nil || !bytes.HasSuffix(content, rest) || len(rest) == 0 {
		t.Errorf("%d bytes, %v", len(rest), err)
	}
}

func TestDamageIsFound(t *testing.T) {
	for name, c := range map[string]struct {
		damage func(t *testing.T, dir string)
		want   string
	}{
		"a bit": {func(t *testing.T, dir string) {
			change(t, filepath.Join(dir, "snapshots-000002.hsr"), func(b []byte) []byte { b[100] ^= 1; return b })
		}, "snapshots-000002.hsr was changed"},
		"cut off": {func(t *testing.T, dir string) {
			change(t, filepath.Join(dir, "snapshots-000001.hsr"), func(b []byte) []byte { return b[:200] })
		}, "snapshots-000001.hsr was changed: 200 bytes"},
		"missing": {func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, "snapshots-000002.hsr")) }, "snapshots-000002.hsr: no such file"},
		"foreign": {func(t *testing.T, dir string) {
			os.WriteFile(filepath.Join(dir, "snapshots-000900.hsr"), []byte("other"), 0o600)
		}, "snapshots-000900.hsr: not a recording"},
		"unlisted":   {func(t *testing.T, dir string) { os.WriteFile(filepath.Join(dir, "snapshots-000000.hsr"), nil, 0o600) }, "snapshots-000000.hsr is not in manifest.json, but older"},
		"no JSON":    {manifest(func(b []byte) []byte { return b[:50] }), "manifest.json: unexpected end"},
		"no list":    {func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, "manifest.json")) }, "no manifest.json here, so no recording"},
		"newer":      {replace(`"format": 1`, `"format": 2`), "format 2; this program reads format 1"},
		"leads out":  {replace("snapshots-000002.hsr", "../../etc/passwd"), `file 2: name "../../etc/passwd"`},
		"disorder":   {replace("snapshots-000002.hsr", "snapshots-000001.hsr"), "file 2: snapshots-000001.hsr is not after snapshots-000001.hsr"},
		"no hash":    {replace(`"sha256": "`, `"sha256": "z`), "file 1: sha256"},
		"no length":  {replace(`"bytes": `, `"bytes": -`), "file 1: -"},
		"other many": {replace(`"messages": `, `"messages": 1`), "messages, want 1"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := record(t, small, 20)
			c.damage(t, dir)
			r, err := recording.Open(dir)
			if err == nil {
				err = r.Messages(t.Context(), func(*recording.Message) error { return nil })
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), dir) {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
}

func change(t *testing.T, name string, how func([]byte) []byte) {
	t.Helper()
	content, err := os.ReadFile(name)
	if err == nil {
		err = os.WriteFile(name, how(content), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func manifest(how func([]byte) []byte) func(*testing.T, string) {
	return func(t *testing.T, dir string) { change(t, filepath.Join(dir, "manifest.json"), how) }
}

func replace(old, new string) func(*testing.T, string) {
	return manifest(func(b []byte) []byte {
		if !bytes.Contains(b, []byte(old)) {
			panic("nothing to replace")
		}
		return bytes.ReplaceAll(b, []byte(old), []byte(new))
	})
}

func TestOneWritesAtATime(t *testing.T) {
	dir := t.TempDir()
	w := create(t, dir, small)
	if _, err := recording.Create(dir, small); err == nil || !strings.Contains(err.Error(), dir+" is in use by another recorder") {
		t.Errorf("a second recorder: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Write(message(t, 0)); err == nil {
		t.Error("a closed recording takes messages")
	}
	if err := create(t, dir, small).Close(); err != nil {
		t.Error(err)
	}
	other := small
	other.Hosts = []string{"web-01"}
	if _, err := recording.Create(dir, other); err == nil || !strings.Contains(err.Error(), "is of other hosts") {
		t.Errorf("other hosts: %v", err)
	}
}

func TestReadWhileItIsWritten(t *testing.T) {
	dir := t.TempDir()
	w := create(t, dir, recording.Options{})
	defer w.Close()
	for n := range 5 {
		holds(t, dir, n)
		write(t, w, n, n+1)
	}
	if r := open(t, dir); len(r.Unfinished) != 1 || len(r.Manifest.Files) != 0 {
		t.Errorf("unfinished %q, finished %v", r.Unfinished, r.Manifest.Files)
	}
}

func TestErrorsOfTheReaderAreReturnedAsTheyAre(t *testing.T) {
	r := open(t, record(t, small, 10))
	enough := errors.New("enough")
	if err := r.Messages(t.Context(), func(*recording.Message) error { return enough }); err != enough {
		t.Errorf("messages: %v", err)
	}
	if _, err := r.Snapshots(t.Context(), func(*event.Snapshot, time.Duration) error { return enough }); err != enough {
		t.Errorf("snapshots: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Messages(ctx, func(*recording.Message) error { return nil }); err != context.Canceled {
		t.Errorf("cancelled: %v", err)
	}
}

func TestTooLargeInputIsRejected(t *testing.T) {
	w := create(t, t.TempDir(), recording.Options{})
	defer w.Close()
	if err := w.Write(&recording.Message{Data: make([]byte, event.MaxMessage+1)}); err == nil || !strings.Contains(err.Error(), "more than 8388608") {
		t.Error(err)
	}
}

func BenchmarkWrite(b *testing.B) {
	w := create(b, b.TempDir(), recording.Options{})
	defer w.Close()
	m := message(b, 0)
	m.Data = make([]byte, 2000)
	b.SetBytes(int64(len(m.Data)))
	b.ReportAllocs()
	for b.Loop() {
		if err := w.Write(m); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	r := open(b, record(b, recording.Options{}, 10_000))
	bytes := int64(0)
	for _, f := range r.Manifest.Files {
		bytes += f.Bytes
	}
	b.SetBytes(bytes)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Snapshots(b.Context(), func(*event.Snapshot, time.Duration) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
