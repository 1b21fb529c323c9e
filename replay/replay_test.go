package replay_test

import (
	"net/netip"
	"testing"
	"time"

	"headstart/detect/rule"
	"headstart/event"
	"headstart/replay"
	rules "headstart/rules.expr"
)

// kept is a sink that keeps alerts.
type kept struct{ alerts []*event.Alert }

func (k *kept) Alert(a *event.Alert) error       { k.alerts = append(k.alerts, a); return nil }
func (k *kept) Incident(i *event.Incident) error { return nil }
func address(text string) event.Address          { return event.AddressFrom(netip.MustParseAddr(text)) }

// TestTimesAreTheStreams replays a host whose clock is wrong.
func TestTimesAreTheStreams(t *testing.T) {
	set, err := rule.Load(rules.Files, "the default ruleset")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2025, 6, 5, 14, 30, 0, 0, time.UTC)
	for _, off := range []time.Duration{0, time.Hour, -time.Hour} {
		t.Run(off.String(), func(t *testing.T) {
			found := new(kept)
			totals, err := replay.Run(t.Context(), replay.Options{Rules: set}, func(yield func(*event.Snapshot, time.Duration) error) error {
				s := &event.Snapshot{
					Host: "web-01", BootID: "b", Run: "r", Interval: 30 * time.Second, Part: 1, Parts: 1,
					Addresses: []event.Address{address("10.1.1.10")}, Roles: []string{"web"},
				}
				for n := range 3 {
					s.Sequence, s.TakenAt, s.Uptime = uint64(n+1), at.Add(time.Duration(n)*30*time.Second+off), time.Hour+time.Duration(n)*30*time.Second
					if n == 2 {
						s.Sockets = []event.Socket{{
							Local: address("10.1.1.10"), LocalPort: 40000, Remote: address("10.1.5.10"), RemotePort: 445, State: event.Established, UID: 33, Inode: 1,
						}}
					}
					if err := yield(s, -off+3*time.Millisecond); err != nil {
						return err
					}
				}
				return nil
			}, found)
			if err != nil || totals.Snapshots != 3 || totals.Connections != 1 {
				t.Fatalf("%+v, %v", totals, err)
			}
			if len(found.alerts) == 0 {
				t.Fatal("no alert")
			}
			for _, a := range found.alerts {
				if d := a.At.Sub(at.Add(time.Minute)).Abs(); d > time.Second {
					t.Errorf("%s at %s, %s off", a.Rule, a.At, d)
				}
			}
		})
	}
}
