package event_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"headstart/event"
	"headstart/event/wire"
)

// busyChanges are the changes of a snapshot of a busy web server: half of them
// opened, half of them closed.
func busyChanges(connections int) *event.Changes {
	r := rand.New(rand.NewPCG(1, uint64(connections)))
	at := time.Date(2025, 6, 5, 14, 30, 0, 123, time.UTC)
	own := event.AddressFrom4(0x0a010110)
	c := &event.Changes{
		Host: "web-01", BootID: "6f1c1c56-3c1d-4c39-a5f4-64ee2a87a3f1", Run: "r1", Sequence: 7,
		ObservedAt: at, PreviousAt: at.Add(-30 * time.Second), Interval: 30 * time.Second, ClockOffset: 12 * time.Millisecond,
		Addresses: []event.Address{own, {Hi: 0x20010db8 << 32, Lo: 5}}, Roles: []string{"web"}, Open: 180, Listening: 4, Missed: 2, Rejected: 1,
		Part: 1, Parts: 1,
	}
	for i := range connections {
		one := event.Connection{
			Kind: event.Opened, Local: own, LocalPort: 443, Remote: event.AddressFrom4(r.Uint32()), RemotePort: uint16(r.Uint32()),
			State: event.Established, UID: 33, Inode: 4_000_000 + uint64(r.IntN(1_000_000)),
			Direction: event.Inbound, DirectionFrom: event.FromListener,
			OpenedAfter: at.Add(-30 * time.Second), OpenedBefore: at, SeenUntil: at,
		}
		for j := range one.ID {
			one.ID[j] = byte(r.Uint32())
		}
		if i%2 == 1 {
			one.Kind, one.State, one.Inode, one.UID = event.Closed, event.TimeWait, 0, 0
			one.OpenedAfter, one.OpenedBefore = time.Time{}, at.Add(-time.Duration(r.IntN(1e12)))
			one.ClosedAfter = at.Add(-time.Duration(r.IntN(3000)) * 10 * time.Millisecond)
			one.ClosedBefore, one.SeenUntil, one.Reason = one.ClosedAfter, one.ClosedAfter, event.TimedWait
		}
		c.Connections = append(c.Connections, one)
	}
	return c
}

func encodeChanges(t testing.TB, c *event.Changes) []byte {
	t.Helper()
	data, err := new(event.ChangesEncoder).Append(nil, c)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestChangesRoundTrip(t *testing.T) {
	heartbeat := busyChanges(0)
	first := busyChanges(3)
	first.PreviousAt, first.Addresses, first.Roles = time.Time{}, nil, nil
	ipv6 := busyChanges(1)
	ipv6.Connections[0].Local, ipv6.Connections[0].Remote = ipv6.Addresses[1], event.Address{Lo: 1}
	ipv6.Connections[0].Retransmits, ipv6.Connections[0].UID, ipv6.Connections[0].Inode = 255, 1<<32-1, 1<<64-1
	for _, tt := range []struct {
		name string
		want *event.Changes
	}{
		{"a heartbeat", heartbeat},
		{"a host's first", first},
		{"IPv6 and large numbers", ipv6},
		{"ten changes", busyChanges(10)},
		{"many changes", busyChanges(10_000)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got event.Changes
			if err := new(event.ChangesDecoder).Decode(encodeChanges(t, tt.want), &got); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(&got, tt.want) {
				t.Errorf("decoded:\n%+v\nencoded:\n%+v", got, *tt.want)
			}
		})
	}
}

// TestChangesDecodeReuses decodes one message after another into the same
// Changes: nothing of the one before may stay.
func TestChangesDecodeReuses(t *testing.T) {
	var decoder event.ChangesDecoder
	var got event.Changes
	empty := &event.Changes{Host: "db-01", ObservedAt: time.Unix(1, 0).UTC(), Part: 1, Parts: 1}
	for _, want := range []*event.Changes{busyChanges(100), empty, busyChanges(10)} {
		if err := decoder.Decode(encodeChanges(t, want), &got); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(encodeChanges(t, &got), encodeChanges(t, want)) {
			t.Errorf("decoded:\n%+v\nencoded:\n%+v", got, *want)
		}
	}
	next := busyChanges(10)
	message := encodeChanges(t, next)
	if n := testing.AllocsPerRun(10, func() { _ = decoder.Decode(message, &got) }); n > 0 {
		t.Errorf("decoding the same host's next changes costs %g allocations", n)
	}
	var encoder event.ChangesEncoder
	if n := testing.AllocsPerRun(10, func() { message, _ = encoder.Append(message[:0], next) }); n > 0 {
		t.Errorf("encoding changes costs %g allocations", n)
	}
}

func TestChangesPartsHoldAllConnectionsInOrder(t *testing.T) {
	c := busyChanges(1000)
	parts, err := new(event.ChangesEncoder).Parts(c, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	if len(parts) < 3 {
		t.Fatalf("%d parts for a limit of 10,000 bytes", len(parts))
	}
	var all []event.Connection
	for i, part := range parts {
		var got event.Changes
		if err := new(event.ChangesDecoder).Decode(part, &got); err != nil {
			t.Fatal(err)
		}
		if len(part) > 10_000 || int(got.Part) != i+1 || int(got.Parts) != len(parts) || got.SnapshotID() != c.SnapshotID() {
			t.Errorf("part %d has %d bytes and names %d of %d of %s", i+1, len(part), got.Part, got.Parts, got.SnapshotID())
		}
		all = append(all, got.Connections...)
	}
	if !reflect.DeepEqual(all, c.Connections) {
		t.Error("the parts' connections are not those of the changes")
	}
	if _, err := new(event.ChangesEncoder).Parts(c, 300); err == nil || !strings.Contains(err.Error(), "doesn't fit") {
		t.Errorf("a limit that is too small gives %v", err)
	}
}

func TestChangesEncodeRejects(t *testing.T) {
	long := strings.Repeat("x", event.MaxName+1)
	for _, tt := range []struct {
		name, want string
		change     func(*event.Changes)
	}{
		{"no host", "no host", func(c *event.Changes) { c.Host = "" }},
		{"no time", "no observed-at", func(c *event.Changes) { c.ObservedAt = time.Time{} }},
		{"a long host", "host: 256 bytes", func(c *event.Changes) { c.Host = long }},
		{"a long boot id", "boot id: 256 bytes", func(c *event.Changes) { c.BootID = long }},
		{"a long run", "run: 256 bytes", func(c *event.Changes) { c.Run = long }},
		{"a long role", "role 2: 256 bytes", func(c *event.Changes) { c.Roles = []string{"web", long} }},
		{"too many roles", "65 roles", func(c *event.Changes) { c.Roles = make([]string, event.MaxRoles+1) }},
		{"too many addresses", "4097 addresses", func(c *event.Changes) { c.Addresses = make([]event.Address, event.MaxAddresses+1) }},
		{"too many connections", "connections in a message", func(c *event.Changes) { c.Connections = make([]event.Connection, event.MaxRows+1) }},
		{"more than a reader unpacks", "bytes before compression", func(c *event.Changes) { c.Connections = busyChanges(event.MaxRows).Connections }},
		{"no part", "part 0 of 1", func(c *event.Changes) { c.Part = 0 }},
		{"a part beyond the last", "part 2 of 1", func(c *event.Changes) { c.Part = 2 }},
		{"too many parts", "part 1 of", func(c *event.Changes) { c.Parts = event.MaxParts + 1 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := busyChanges(1)
			tt.change(c)
			data, err := new(event.ChangesEncoder).Append([]byte("before"), c)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
			if string(data) != "before" {
				t.Errorf("%d bytes were appended in spite of the error", len(data)-len("before"))
			}
		})
	}
}

func TestChangesDecodeRejects(t *testing.T) {
	good := encodeChanges(t, busyChanges(3))
	bad := func(change func(*event.Connection)) []byte {
		c := busyChanges(2)
		change(&c.Connections[1])
		return encodeChanges(t, c)
	}
	version := bytes.Clone(good)
	version[bytes.Index(version, []byte("\xa1v"))+2] = 9
	for _, tt := range []struct {
		name, want string
		data       []byte
	}{
		{"nothing", "not a msgpack map", nil},
		{"an empty map", "unknown wire version", []byte{0x80}},
		{"no version", "unknown wire version", append([]byte{0x81}, "\xa4host\xa1a"...)},
		{"a snapshot", "connections", encode(t, busyServer(2))},
		{"a sequence that is nil", `"seq"`, bytes.Replace(good, []byte("\xa3seq\x07"), []byte("\xa3seq\xc0"), 1)},
		{"a negative sequence", `"seq": -1 where`, bytes.Replace(good, []byte("\xa3seq\x07"), []byte("\xa3seq\xff"), 1)},
		{"a host that is nil", `"host": msgpack code 0xc0 where a string`, bytes.Replace(good, []byte("\xa4host\xa6web-01"), []byte("\xa4host\xc0"), 1)},
		{"a host that is a byte string", `"host": msgpack code 0xc4`, bytes.Replace(good, []byte("\xa4host\xa6"), []byte("\xa4host\xc4\x06"), 1)},
		{"a map after an extension", "not a msgpack map", append([]byte("\xd4\x00\x00"), good...)},
		{"an array without end", "4294967295 entries in", extended(t, good, []byte("\xdd\xff\xff\xff\xff\xc0"))},
		{"an extension without end", `"weather"`, extended(t, good, []byte("\xc9\xff\xff\xff\xff\x01"))},
		{"an unknown msgpack code", `"weather"`, extended(t, good, []byte("\xc1"))},
		{"a cut message", "", good[:len(good)-3]},
		{"bytes after the end", "after the end", append(bytes.Clone(good), 0)},
		{"a later version", "unknown wire version 9", version},
		{"another kind", "connection 1: kind 6", bad(func(c *event.Connection) { c.Kind = 6 })},
		{"no kind", "connection 1: kind 0", bad(func(c *event.Connection) { c.Kind = 0 })},
		{"another state", "connection 1: state(13)", bad(func(c *event.Connection) { c.State = 13 })},
		{"another direction", "direction 3", bad(func(c *event.Connection) { c.Direction = 3 })},
		{"another direction's source", "from 4", bad(func(c *event.Connection) { c.DirectionFrom = 4 })},
		{"another reason", "reason 6", bad(func(c *event.Connection) { c.Reason = 6 })},
		{"no beginning", "no opened-before", bad(func(c *event.Connection) { c.OpenedBefore = time.Time{} })},
		{"closed without a time", "closed without bounds", bad(func(c *event.Connection) { c.ClosedBefore = time.Time{} })},
		{"more connections announced than there are", "announced in", announce(good, 3, 100)},
		{"fewer connections announced than there are", "after the last connection", announce(good, 3, 2)},
		{"a negative number of connections", "-1 connections", announce(good, 3, -1)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var c event.Changes
			err := new(event.ChangesDecoder).Decode(tt.data, &c)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
	if err := new(event.ChangesDecoder).Decode(version, new(event.Changes)); !errors.Is(err, event.ErrVersion) {
		t.Errorf("a later version gives %v, want ErrVersion", err)
	}
}

// strangeValues are what the decoder of the library accepts where it must not,
// or takes long for.
var strangeValues = []string{
	"\xc0",                         // nil: 0, an empty string and an array of -1 entries
	"\xd4\x00\x81",                 // an extension before a map: skipped
	"\xd7\x80\xc0\xc0",             // an extension that is an interned string
	"\xd6\xff\x00\x00\x00\x00",     // a time
	"\xc9\xff\xff\xff\xff\x01",     // an extension of 4 GiB
	"\xdd\xff\xff\xff\xff\xc0",     // an array of 4 billion entries
	"\xdf\xff\xff\xff\xff\xc0\xc0", // a map of as many
	"\x91\x91\x91\x91\x91\x91\x91", // an array that does not end
	"\xc1",                         // a code that msgpack doesn't have
}

// announce changes how many connections a message says it has.
func announce(message []byte, from, to int) []byte {
	count := func(n int) []byte {
		return written(func(w *wire.Writer) { w.String("count"); w.Int(int64(n)) })
	}
	return bytes.Replace(message, count(from), count(to), 1)
}

func TestChangesDecodeSkipsUnknownFields(t *testing.T) {
	want := busyChanges(2)
	message := encodeChanges(t, want)
	for name, value := range map[string][]byte{
		"a map":        written(func(w *wire.Writer) { w.Map(1); w.String("sky"); w.String("blue") }),
		"an array":     []byte("\x92\x91\xc0\xcb\x40\x09\x21\xfb\x54\x44\x2d\x18"),
		"an extension": []byte("\xd7\xff\x00\x00\x00\x00\x65\x00\x00\x00"),
		"deep nesting": append(bytes.Repeat([]byte{0x91}, 1<<20), 0xc0),
	} {
		t.Run(name, func(t *testing.T) {
			var got event.Changes
			if err := new(event.ChangesDecoder).Decode(extended(t, message, value), &got); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(&got, want) {
				t.Errorf("decoded:\n%+v\nencoded:\n%+v", got, *want)
			}
		})
	}
}

// extended adds an unknown entry to a message.
func extended(t testing.TB, message, value []byte) []byte {
	t.Helper()
	var r wire.Reader
	r.Reset(message)
	fields := r.Map()
	if r.Err() != nil || fields < 16 {
		t.Fatalf("%d fields, %v", fields, r.Err())
	}
	longer := written(func(w *wire.Writer) { w.Map(fields + 1) })
	longer = append(append(longer, message[3:]...), written(func(w *wire.Writer) { w.String("weather") })...)
	return append(longer, value...)
}

func written(write func(w *wire.Writer)) []byte {
	var w wire.Writer
	w.Reset(nil)
	write(&w)
	return w.Bytes()
}

func FuzzChangesDecode(f *testing.F) {
	for _, n := range []int{0, 1, 10} {
		f.Add(encodeChanges(f, busyChanges(n)))
	}
	for _, value := range strangeValues {
		f.Add(extended(f, encodeChanges(f, busyChanges(1)), []byte(value)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var c, again event.Changes
		if err := new(event.ChangesDecoder).Decode(data, &c); err != nil {
			return
		}
		message := encodeChanges(t, &c)
		if err := new(event.ChangesDecoder).Decode(message, &again); err != nil {
			t.Fatalf("what was decoded can't be decoded again: %v", err)
		}
		if !bytes.Equal(encodeChanges(t, &again), message) {
			t.Fatalf("decoding what was encoded gives other changes:\n%+v\n%+v", c, again)
		}
		for i := range c.Connections {
			if c.Connections[i] != again.Connections[i] {
				t.Fatalf("connection %d changed:\n%+v\n%+v", i, c.Connections[i], again.Connections[i])
			}
			c.Connections[i].Age(c.ObservedAt)
		}
	})
}

func BenchmarkChangesEncode(b *testing.B) {
	for _, n := range []int{0, 10} {
		b.Run(fmt.Sprintf("%d-connections", n), func(b *testing.B) {
			c := busyChanges(n)
			var e event.ChangesEncoder
			var buf []byte
			b.ReportAllocs()
			for b.Loop() {
				buf, _ = e.Append(buf[:0], c)
			}
			b.ReportMetric(float64(len(buf)), "B/message")
		})
	}
}

func BenchmarkChangesDecode(b *testing.B) {
	for _, n := range []int{0, 10} {
		b.Run(fmt.Sprintf("%d-connections", n), func(b *testing.B) {
			data := encodeChanges(b, busyChanges(n))
			var d event.ChangesDecoder
			var got event.Changes
			b.ReportAllocs()
			for b.Loop() {
				if err := d.Decode(data, &got); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
