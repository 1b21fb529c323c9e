package replay_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"headstart/detect/rule"
	"headstart/event"
	"headstart/replay"
)

// many is more messages than are under way at a time; ports is how many there
// are connections to.
const many, ports = 5000, 500

// sessions feeds a host that opens a connection with each message, to one port
// after the other.
func sessions(buffer *replay.Buffer) error {
	at := time.Date(2025, 6, 5, 14, 30, 0, 0, time.UTC)
	for n := range many {
		c := buffer.Next()
		*c = event.Changes{
			Host: "web-01", BootID: "b", Run: "r", Sequence: uint64(n + 1), ObservedAt: at, PreviousAt: at.Add(-time.Second), Interval: time.Second, Part: 1, Parts: 1,
			Connections: append(c.Connections[:0], event.Connection{
				Kind: event.Opened, ID: event.ConnectionID{byte(n), byte(n >> 8)}, Direction: event.Outbound, State: event.Established,
				Local: address("10.1.1.10"), Remote: event.AddressFrom(netip.AddrFrom4([4]byte{10, 2, byte(n >> 8), byte(n)})), LocalPort: 40000, RemotePort: uint16(n % ports),
				OpenedBefore: at, SeenUntil: at,
			}),
		}
		if err := buffer.Put(at); err != nil {
			return err
		}
		at = at.Add(time.Second)
	}
	return nil
}

func onPort(t *testing.T, port int) *rule.Set {
	t.Helper()
	set, err := rule.Load(fstest.MapFS{"a.yaml": {Data: fmt.Appendf(nil, "rule: a\ntitle: A\nseverity: low\nwhen: conn.port == %d\n", port)}}, "rules")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func (k *kept) ids() (all []string) {
	for _, a := range k.alerts {
		all = append(all, a.ID)
	}
	return all
}

func TestSidesDoNotKnowOfEachOther(t *testing.T) {
	alone := map[int]*kept{}
	for _, port := range []int{22, 23} {
		alone[port] = new(kept)
		totals, err := replay.RunAll(t.Context(), sessions, []replay.Variant{{Options: replay.Options{Rules: onPort(t, port)}, Sink: alone[port]}})
		if err != nil || totals[0].Alerts != many/ports || totals[0].Snapshots != many || totals[0].Fired["a"] != many/ports {
			t.Fatalf("%+v, %v", totals, err)
		}
	}
	both := []*kept{new(kept), new(kept), new(kept)}
	looks := 0
	totals, err := replay.RunAll(t.Context(), sessions, []replay.Variant{
		{Options: replay.Options{Rules: onPort(t, 22)}, Sink: both[0]},
		{Options: replay.Options{Rules: onPort(t, 23)}, Sink: both[1], Look: func(*event.Changes, time.Time) { looks++ }},
		{Options: replay.Options{Rules: onPort(t, 22)}, Sink: both[2]},
	})
	if err != nil || looks != many {
		t.Fatalf("%d looks, %+v, %v", looks, totals, err)
	}
	for i, port := range []int{22, 23, 22} {
		if !slices.Equal(both[i].ids(), alone[port].ids()) || totals[i].Alerts != many/ports {
			t.Errorf("variant %d has other alerts than alone: %+v", i, totals[i])
		}
	}
}

var errSink, errFeed = errors.New("sink"), errors.New("feed")

// failing is a sink that fails with the first alert.
type failing struct{ counted }

func (failing) Alert(*event.Alert) error { return errSink }

func TestWhatFailsEndsAllSides(t *testing.T) {
	set := onPort(t, 22)
	good := func() replay.Variant {
		return replay.Variant{Options: replay.Options{Rules: set}, Sink: new(counted)}
	}
	if _, err := replay.RunAll(t.Context(), sessions, []replay.Variant{good(), {Options: replay.Options{Rules: set}, Sink: new(failing)}}); !errors.Is(err, errSink) {
		t.Errorf("a sink: %v", err)
	}
	feed := func(buffer *replay.Buffer) error { return errors.Join(sessions(buffer), errFeed) }
	if _, err := replay.RunAll(t.Context(), feed, []replay.Variant{good(), good()}); !errors.Is(err, errFeed) {
		t.Errorf("a feed: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	endless := func(buffer *replay.Buffer) error {
		for {
			if err := sessions(buffer); err != nil {
				return err
			}
			cancel()
		}
	}
	if _, err := replay.RunAll(ctx, endless, []replay.Variant{good(), good()}); !errors.Is(err, context.Canceled) {
		t.Errorf("the end of the context: %v", err)
	}
}
