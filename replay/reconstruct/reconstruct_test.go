package reconstruct

import (
	"slices"
	"strings"
	"testing"
	"time"

	"headstart/event"
	"headstart/replay/zeek"
)

func TestSnapshotsAreThoseOfAPoller(t *testing.T) {
	fleet := build(t, randomRecords(3, 200), Options{Inventory: parseInventory(t, company)})
	if want := []string{"a", "b"}; !slices.Equal(fleet.Hosts, want) {
		t.Fatalf("hosts %q, want %q", fleet.Hosts, want)
	}
	var encoder event.SnapshotEncoder
	var decoder event.SnapshotDecoder
	boots := map[string]bool{}
	for _, feed := range fleet.Feeds() {
		var last event.Snapshot
		for s := feed.Next(); s != nil; s = feed.Next() {
			message, err := encoder.Append(nil, s)
			if err != nil {
				t.Fatal(err)
			}
			var decoded event.Snapshot
			if err := decoder.Decode(message, &decoded); err != nil {
				t.Fatal(err)
			}
			if s.Sequence != last.Sequence+1 || s.Host != feed.Host() || len(s.Addresses) == 0 {
				t.Fatalf("%s after %s", s.ID(), last.ID())
			}
			if last.Sequence > 0 {
				pause := s.TakenAt.Sub(last.TakenAt)
				if pause < 24*time.Second || pause > 36*time.Second || s.Uptime-last.Uptime != pause || s.BootID != last.BootID || s.Run != last.Run {
					t.Fatalf("%s, %s after the one before", s.ID(), pause)
				}
			}
			last = *s
		}
		if last.TakenAt.Before(fleet.Until.Add(-36*time.Second)) || last.TakenAt.After(fleet.Until) || last.Uptime < 24*time.Hour {
			t.Errorf("%s: the last one at %s, up for %s", feed.Host(), last.TakenAt, last.Uptime)
		}
		boots[last.BootID] = true
		if feed.Next() != nil {
			t.Error("a snapshot after the last")
		}
	}
	if len(boots) != 2 {
		t.Errorf("boot ids %v", boots)
	}
}

func TestBuildMistakes(t *testing.T) {
	one := []zeek.Record{{Start: 1e18, Duration: 1e9, Originator: hostA, Responder: hostB, State: zeek.SF}}
	public := []zeek.Record{{Start: 1e18, Originator: event.AddressFrom4(0xcb007107), Responder: event.AddressFrom4(0xcb007108), State: zeek.SF}}
	century := []zeek.Record{{Start: 1, Originator: hostA}, {Start: 3e18, Originator: hostA}}
	for name, c := range map[string]struct {
		records []zeek.Record
		options Options
		want    string
	}{
		"no connection":      {nil, Options{}, "no TCP connection"},
		"interval":           {one, Options{Interval: time.Millisecond}, "interval 1ms: want 100ms to 24h"},
		"most hosts":         {one, Options{MaxHosts: -1}, "at most -1 hosts"},
		"no monitored host":  {one, Options{Inventory: parseInventory(t, "hosts:\n  a: {addresses: [10.0.0.5], monitored: false}\n")}, "no host of the inventory is monitored"},
		"no private address": {public, Options{}, "no connection has an end in a private network"},
		"a century":          {century, Options{Interval: time.Second}, "are 3000000001 snapshots, more than 1000000000; choose a shorter time"},
		"turned round":       {one, Options{From: time.Unix(2e9, 0), Until: time.Unix(1e9, 0)}, "is before from"},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := Build(c.records, c.options)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%+v, %v; want %s", f, err, c.want)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	var records []zeek.Record
	for i := range 700 {
		records = append(records, zeek.Record{
			Start: int64(i), Originator: event.AddressFrom4(0x0a010000 + uint32(i)), OriginatorPort: 40000,
			Responder: hostB, ResponderPort: uint16(i), State: zeek.SF,
		})
	}
	fleet := build(t, records, Options{MaxHosts: 3})
	if len(fleet.Hosts) != 3 || fleet.LeftOut != 698 || !slices.Contains(fleet.Hosts, "10.0.0.6") {
		t.Errorf("hosts %q, %d left out", fleet.Hosts, fleet.LeftOut)
	}
	feed := fleet.Feeds()[slices.Index(fleet.Hosts, "10.0.0.6")]
	listens := 0
	for _, row := range feed.Next().Sockets {
		if row.State == event.Listen {
			listens++
		}
	}
	if listens != maxListens || fleet.Unlistened != 700-maxListens {
		t.Errorf("%d listening sockets, %d left out", listens, fleet.Unlistened)
	}
}

// TestBoundsOfTime polls within bounds; what began before is there at the
// first poll.
func TestBoundsOfTime(t *testing.T) {
	start := time.Date(2025, 6, 5, 14, 0, 0, 0, time.UTC)
	records := []zeek.Record{
		{Start: start.UnixNano(), Duration: int64(time.Hour), Originator: hostA, OriginatorPort: 40000, Responder: hostB, ResponderPort: 22, State: zeek.SF},
		{Start: start.Add(time.Minute).UnixNano(), Duration: int64(100 * 24 * time.Hour), Originator: hostA, OriginatorPort: 40001, Responder: hostB, ResponderPort: 22, State: zeek.S1},
	}
	fleet := build(t, records, Options{})
	if fleet.From != start || fleet.Until != start.Add(time.Hour+time.Minute+36*time.Second) {
		t.Errorf("polls from %s to %s", fleet.From, fleet.Until)
	}
	from, until := start.Add(30*time.Minute), start.Add(31*time.Minute)
	fleet = build(t, records, Options{From: from, Until: until})
	for s := range Merge(fleet.Feeds()) {
		if s.TakenAt.Before(from) || s.TakenAt.After(until) {
			t.Errorf("%s at %s", s.ID(), s.TakenAt)
		}
		if s.Host == "10.0.0.5" && len(s.Sockets) != 2 {
			t.Errorf("%s shows %v", s.ID(), s.Sockets)
		}
	}
}

func TestWhatIsNotShown(t *testing.T) {
	fleet := build(t, []zeek.Record{
		{Start: 1e18, Originator: hostA, Responder: hostB, State: zeek.OTH},
		{Start: 1e18, Originator: event.AddressFrom4(1), Responder: event.AddressFrom4(2), State: zeek.SF},
		{Start: 1e18, Originator: event.AddressFrom4(1), Responder: hostB, State: zeek.SF},
		{Start: 1e18, Originator: event.AddressFrom4(1), Responder: hostB, State: zeek.S0},
	}, Options{Inventory: parseInventory(t, company)})
	if fleet.Ignored != 1 || fleet.Unmonitored != 1 {
		t.Errorf("%d ignored, %d unmonitored", fleet.Ignored, fleet.Unmonitored)
	}
}
