package event_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"headstart/event"
)

// busyServer is a table as a busy web server has it: clients on 443, a
// database pool, outbound HTTPS, a fifth of the rows in TIME_WAIT.
func busyServer(rows int) *event.Snapshot {
	r := rand.New(rand.NewPCG(1, uint64(rows)))
	own := event.AddressFrom4(0x0a010110)
	s := &event.Snapshot{
		Host: "web-01", BootID: "6f1c1c56-3c1d-4c39-a5f4-64ee2a87a3f1", Run: "r1", Sequence: 7,
		TakenAt: time.Date(2025, 6, 5, 14, 30, 0, 123, time.UTC), Uptime: 36 * time.Hour, Interval: 30 * time.Second,
		Addresses: []event.Address{own}, Roles: []string{"web"}, EphemeralLow: 32768, EphemeralHigh: 60999, Part: 1, Parts: 1,
		Sockets: []event.Socket{{LocalPort: 443, State: event.Listen, Inode: 1201}, {LocalPort: 22, State: event.Listen, Inode: 988}},
	}
	inode := uint64(4_000_000)
	for len(s.Sockets) < rows {
		c := event.Socket{Local: own, State: event.Established, UID: 33}
		ephemeral := uint16(32768 + r.IntN(28232))
		switch n := r.IntN(10); {
		case n < 7:
			c.LocalPort, c.RemotePort = 443, ephemeral
			c.Remote = event.AddressFrom4(0x0a000000 | r.Uint32N(1<<18))
		case n < 9:
			c.LocalPort, c.RemotePort = ephemeral, 5432
			c.Remote = event.AddressFrom4(0x0a010200 | r.Uint32N(4))
		default:
			c.LocalPort, c.RemotePort = ephemeral, 443
			c.Remote = event.AddressFrom4(r.Uint32())
		}
		inode += uint64(r.IntN(200))
		c.Inode = inode
		if r.IntN(5) == 0 {
			c.State, c.Timer, c.Inode, c.UID, c.Remaining = event.TimeWait, event.TimerTimeWait, 0, 0, r.Uint32N(6000)
		} else if r.IntN(10) == 0 {
			c.Timer, c.Remaining = event.TimerRetransmit, r.Uint32N(30)
		}
		s.Sockets = append(s.Sockets, c)
	}
	s.Sockets = event.NormalizeSockets(s.Sockets)
	return s
}

func encode(t testing.TB, s *event.Snapshot) []byte {
	t.Helper()
	data, err := new(event.SnapshotEncoder).Append(nil, s)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestSnapshotRoundTrip(t *testing.T) {
	for _, rows := range []int{2, 200, 10_000} {
		want := busyServer(rows)
		var got event.Snapshot
		if err := new(event.SnapshotDecoder).Decode(encode(t, want), &got); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(&got, want) {
			t.Errorf("%d rows: decoded snapshot differs from the encoded one", rows)
		}
	}
}

func TestSnapshotSize(t *testing.T) {
	s := busyServer(10_000)
	if perRow := float64(len(encode(t, s))) / float64(len(s.Sockets)); perRow > 12 {
		t.Errorf("%.2f bytes a row at 10,000 rows, want at most 12", perRow)
	}
	big := busyServer(100_000)
	parts, err := new(event.SnapshotEncoder).Parts(big, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if len(parts) != 1 {
		t.Errorf("100,000 sockets take %d messages of 1 MiB, want 1", len(parts))
	}
}

func TestSnapshotPartsHoldAllRowsInOrder(t *testing.T) {
	s := busyServer(5_000)
	parts, err := new(event.SnapshotEncoder).Parts(s, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	if len(parts) < 5 {
		t.Fatalf("%d parts for a limit of 10,000 bytes", len(parts))
	}
	var all []event.Socket
	for i, p := range parts {
		if len(p) > 10_000 {
			t.Errorf("part %d has %d bytes", i+1, len(p))
		}
		var got event.Snapshot
		if err := new(event.SnapshotDecoder).Decode(p, &got); err != nil {
			t.Fatal(err)
		}
		if int(got.Part) != i+1 || int(got.Parts) != len(parts) {
			t.Errorf("part %d names %d of %d", i+1, got.Part, got.Parts)
		}
		all = append(all, got.Sockets...)
	}
	if !reflect.DeepEqual(all, s.Sockets) {
		t.Error("the parts' rows are not the snapshot's")
	}
}

func TestSnapshotEncodeRejects(t *testing.T) {
	long := strings.Repeat("x", event.MaxName+1)
	for _, tt := range []struct {
		name, want string
		change     func(*event.Snapshot)
	}{
		{"no host", "none may be missing", func(s *event.Snapshot) { s.Host = "" }},
		{"no boot id", "none may be missing", func(s *event.Snapshot) { s.BootID = "" }},
		{"no run", "none may be missing", func(s *event.Snapshot) { s.Run = "" }},
		{"no sequence", "none may be missing", func(s *event.Snapshot) { s.Sequence = 0 }},
		{"no time", "want a time from 1970 to 2200", func(s *event.Snapshot) { s.TakenAt = time.Time{} }},
		{"a time that has no nanoseconds", "want a time from 1970 to 2200", func(s *event.Snapshot) { s.TakenAt = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC) }},
		{"no uptime", "uptime 0s", func(s *event.Snapshot) { s.Uptime = 0 }},
		{"a negative uptime", "uptime -1s", func(s *event.Snapshot) { s.Uptime = -time.Second }},
		{"an impossible uptime", "uptime 876000h0m0.000000001s", func(s *event.Snapshot) { s.Uptime = event.MaxUptime + 1 }},
		{"a negative interval", "interval -1s", func(s *event.Snapshot) { s.Interval = -time.Second }},
		{"a long host", "host: 256 bytes", func(s *event.Snapshot) { s.Host = long }},
		{"a long role", "role 1: 256 bytes", func(s *event.Snapshot) { s.Roles = []string{long} }},
		{"too many roles", "65 roles", func(s *event.Snapshot) { s.Roles = make([]string, event.MaxRoles+1) }},
		{"too many addresses", "4097 addresses", func(s *event.Snapshot) { s.Addresses = make([]event.Address, event.MaxAddresses+1) }},
		{"too many sockets", "sockets in a message", func(s *event.Snapshot) { s.Sockets = make([]event.Socket, event.MaxRows+1) }},
		{"a part beyond the last", "part 2 of 1", func(s *event.Snapshot) { s.Part = 2 }},
		{"too many parts", "part 1 of", func(s *event.Snapshot) { s.Parts = event.MaxParts + 1 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := busyServer(3)
			tt.change(s)
			data, err := new(event.SnapshotEncoder).Append([]byte("before"), s)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
			if string(data) != "before" {
				t.Errorf("%d bytes were appended in spite of the error", len(data)-len("before"))
			}
		})
	}
}

// TestSnapshotDecodeReuses decodes one message after another into the same
// Snapshot: nothing of the one before may stay, and nothing is allocated.
func TestSnapshotDecodeReuses(t *testing.T) {
	var decoder event.SnapshotDecoder
	var got event.Snapshot
	small := busyServer(2)
	small.Addresses, small.Roles = nil, nil
	for _, want := range []*event.Snapshot{busyServer(500), small, busyServer(300)} {
		message := encode(t, want)
		if err := decoder.Decode(message, &got); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(encode(t, &got), message) {
			t.Errorf("decoded:\n%+v\nencoded:\n%+v", got, *want)
		}
	}
	message := encode(t, busyServer(300))
	if n := testing.AllocsPerRun(10, func() { _ = decoder.Decode(message, &got) }); n > 0 {
		t.Errorf("the same host's next snapshot costs %g allocations", n)
	}
	next := busyServer(300)
	var encoder event.SnapshotEncoder
	if n := testing.AllocsPerRun(10, func() { message, _ = encoder.Append(message[:0], next) }); n > 0 {
		t.Errorf("encoding a snapshot costs %g allocations", n)
	}
}

func TestMessageID(t *testing.T) {
	s := busyServer(2)
	const id = "web-01/6f1c1c56-3c1d-4c39-a5f4-64ee2a87a3f1/r1/7"
	for part, want := range map[uint16]string{0: id, 1: id, 2: id + "/2", 16: id + "/16"} {
		if got := s.ID().MessageID(part); got != want {
			t.Errorf("part %d: %s, want %s", part, got, want)
		}
	}
}

func TestSnapshotDecodeRejects(t *testing.T) {
	good := encode(t, busyServer(3))
	version := bytes.Clone(good)
	version[3] = 9
	edited := func(change func(rows []event.Socket)) []byte {
		s := busyServer(3)
		change(s.Sockets)
		return encode(t, s)
	}
	for _, tt := range []struct {
		name, want string
		data       []byte
	}{
		{"nothing", "not a msgpack map", nil},
		{"another format", "not a msgpack map", []byte(`{"host":"a"}`)},
		{"a cut message", "", good[:len(good)-3]},
		{"bytes after the end", "after the end", append(bytes.Clone(good), 0)},
		{"a later version", "unknown wire version 9", version},
		{"an empty map", "unknown wire version", []byte{0x80}},
		{"changes", "sockets", encodeChanges(t, busyChanges(3))},
		{"rows that are not sorted", "row 1 is not sorted", edited(func(rows []event.Socket) { rows[0], rows[1] = rows[1], rows[0] })},
		{"a key that comes twice", "row 2 is not sorted", edited(func(rows []event.Socket) { rows[2] = rows[1] })},
		{"a state that Linux doesn't have", "row 1: state(13), off", edited(func(rows []event.Socket) { rows[1].State = 13 })},
		{"a timer that Linux doesn't have", "timer(7)", edited(func(rows []event.Socket) { rows[1].Timer = 7 })},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var s event.Snapshot
			err := new(event.SnapshotDecoder).Decode(tt.data, &s)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
	var s event.Snapshot
	if err := new(event.SnapshotDecoder).Decode(version, &s); !errors.Is(err, event.ErrVersion) {
		t.Errorf("a later version gives %v, want ErrVersion", err)
	}
}

func FuzzSnapshotDecode(f *testing.F) {
	f.Add(encode(f, busyServer(2)))
	f.Add(encode(f, busyServer(40)))
	f.Fuzz(func(t *testing.T, data []byte) {
		var s, again event.Snapshot
		if err := new(event.SnapshotDecoder).Decode(data, &s); err != nil {
			return
		}
		if err := new(event.SnapshotDecoder).Decode(encode(t, &s), &again); err != nil {
			t.Fatalf("what was decoded can't be decoded again: %v", err)
		}
		if len(s.Sockets) != len(again.Sockets) || s.ID() != again.ID() {
			t.Fatal("decoding what was encoded gives another snapshot")
		}
		for i := range s.Sockets {
			if s.Sockets[i] != again.Sockets[i] {
				t.Fatalf("row %d changed", i)
			}
			if i > 0 && s.Sockets[i-1].CompareKey(&s.Sockets[i]) >= 0 {
				t.Fatalf("row %d is not sorted", i)
			}
		}
	})
}

func BenchmarkSnapshotEncode(b *testing.B) {
	s := busyServer(10_000)
	var e event.SnapshotEncoder
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = e.Append(buf[:0], s)
	}
	perRow(b, len(s.Sockets))
	b.ReportMetric(float64(len(buf))/float64(len(s.Sockets)), "B/row")
}

func BenchmarkSnapshotDecode(b *testing.B) {
	s := busyServer(10_000)
	data := encode(b, s)
	var d event.SnapshotDecoder
	var got event.Snapshot
	b.ReportAllocs()
	for b.Loop() {
		if err := d.Decode(data, &got); err != nil {
			b.Fatal(err)
		}
	}
	perRow(b, len(s.Sockets))
}

func BenchmarkSnapshotSort(b *testing.B) {
	s := busyServer(10_000)
	shuffled := append([]event.Socket(nil), s.Sockets...)
	rand.New(rand.NewPCG(2, 2)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	rows := make([]event.Socket, len(shuffled))
	b.ReportAllocs()
	for b.Loop() {
		copy(rows, shuffled)
		event.NormalizeSockets(rows)
	}
	perRow(b, len(s.Sockets))
}

func perRow(b *testing.B, rows int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(rows), "ns/row")
}
