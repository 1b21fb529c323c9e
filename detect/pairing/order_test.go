package pairing_test

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"headstart/detect/pairing"
	"headstart/event"
)

var noon = time.Date(2025, 6, 5, 12, 0, 0, 0, time.UTC)

// message is what a host says with one snapshot.
type message struct {
	host    string
	at      time.Time
	reports []pairing.Report
	arrives time.Time
}

func (m *message) tell(w *pairing.Pairs) (proved []pairing.Unpaired) {
	for i := range m.reports {
		r := m.reports[i]
		proved = append(proved, w.Report(&r)...)
	}
	return append(proved, w.Heartbeat(m.host, m.at)...)
}

// truth is a connection as it is, and from when on each end shows it: an
// intruder can hide it.
type truth struct {
	from, to       int // hosts
	port           uint16
	opened, closed time.Time
	hidden         [2]time.Time // at the originator and at the responder
}

// someTraffic returns the messages of a few hosts, each in its order.
func someTraffic(random *rand.Rand) []message {
	hosts := 2 + random.IntN(3)
	seconds := func(n int) time.Duration { return time.Duration(random.IntN(n)) * time.Second }
	var connections []truth
	for range 1 + random.IntN(25) {
		from := random.IntN(hosts)
		c := truth{
			from: from, to: (from + 1 + random.IntN(hosts-1)) % hosts, port: uint16(40000 + random.IntN(6)),
			opened: noon.Add(seconds(1000)),
		}
		c.closed = c.opened.Add(seconds([]int{3, 90, 150, 400}[random.IntN(4)]))
		if random.IntN(2) == 0 {
			c.hidden[random.IntN(2)] = c.opened.Add(seconds(200))
			if random.IntN(2) == 0 {
				c.hidden[random.IntN(2)] = c.closed
			}
		}
		if !slices.ContainsFunc(connections, func(o truth) bool {
			return o.from == c.from && o.to == c.to && o.port == c.port && o.opened.Before(c.closed) && c.opened.Before(o.closed)
		}) {
			connections = append(connections, c)
		}
	}
	var all []message
	for host := range hosts {
		all = append(all, polls(random, host, connections)...)
	}
	return all
}

// polls are the snapshots that a host takes, most of them.
func polls(random *rand.Rand, host int, connections []truth) (all []message) {
	var before time.Time
	shown := map[int]event.Connection{}
	at := noon.Add(time.Duration(random.IntN(30)) * time.Second)
	for ; at.Before(noon.Add(30 * time.Minute)); at = at.Add(time.Duration(25+random.IntN(10)) * time.Second) {
		if random.IntN(20) == 0 && !before.IsZero() {
			continue
		}
		m := message{host: name(host), at: at}
		for i := range connections {
			c := &connections[i]
			end := slices.Index([]int{c.from, c.to}, host)
			if end < 0 {
				continue
			}
			peer := name(c.from + c.to - host)
			visible := !at.Before(c.opened) && at.Before(c.closed) && !at.Before(c.hidden[end])
			one, before := snapshotOf(c, i, end, at, before)
			was, known := shown[i]
			switch {
			case visible && !known:
				shown[i] = one
				m.reports = append(m.reports, pairing.Report{Host: m.host, Peer: peer, Connection: one, At: at})
			case !visible && known:
				delete(shown, i)
				was.Kind, was.SeenUntil, was.ClosedAfter, was.ClosedBefore = event.Closed, before, before, at
				m.reports = append(m.reports, pairing.Report{Host: m.host, Peer: peer, Connection: was, At: at})
			case !known && end == 0 && c.opened.After(before) && !at.Before(c.closed) && c.hidden[end].IsZero() && !before.IsZero() && !replaced(connections, c, at):
				// It lived between two snapshots, and its row is in TIME_WAIT.
				one.OpenedBefore, one.SeenUntil, one.ClosedAfter, one.ClosedBefore = c.closed, c.closed, c.closed, c.closed
				m.reports = append(m.reports, pairing.Report{Host: m.host, Peer: peer, Connection: one, At: at})
				one.Kind = event.Closed
				m.reports = append(m.reports, pairing.Report{Host: m.host, Peer: peer, Connection: one, At: at})
			}
		}
		// What ends is said before what begins on the same ports.
		slices.SortStableFunc(m.reports, func(a, b pairing.Report) int {
			return cmp.Compare(b2i(a.Connection.Kind != event.Closed || a.Connection.ClosedAfter.Equal(a.Connection.ClosedBefore)),
				b2i(b.Connection.Kind != event.Closed || b.Connection.ClosedAfter.Equal(b.Connection.ClosedBefore)))
		})
		all = append(all, m)
		before = at
	}
	return all
}

// replaced reports whether the ports of a connection that is over were used
// again by a time: then its row is gone.
func replaced(connections []truth, c *truth, at time.Time) bool {
	return slices.ContainsFunc(connections, func(o truth) bool {
		return o.from == c.from && o.to == c.to && o.port == c.port && o.opened.After(c.opened) && !o.opened.After(at)
	})
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func name(host int) string { return string(rune('a' + host)) }

func snapshotOf(c *truth, number, end int, at, before time.Time) (event.Connection, time.Time) {
	one := event.Connection{
		Kind: event.Opened, Local: event.AddressFrom4(uint32(c.from)), LocalPort: c.port, Remote: event.AddressFrom4(uint32(c.to)), RemotePort: 22,
		Direction: event.Outbound, DirectionFrom: event.FromPorts, OpenedAfter: before, OpenedBefore: at, SeenUntil: at,
	}
	if end == 1 {
		one.Local, one.LocalPort, one.Remote, one.RemotePort = one.Remote, one.RemotePort, one.Local, one.LocalPort
		one.Direction = event.Inbound
	}
	binary.BigEndian.PutUint32(one.ID[:], uint32(number))
	one.ID[4] = byte(end)
	return one, before
}

// delayed returns the messages in an order in which they can arrive.
func delayed(random *rand.Rand, all []message) []message {
	all = slices.Clone(all)
	last := map[string]time.Time{}
	for i := range all {
		m := &all[i]
		m.arrives = m.at.Add(time.Duration(random.Int64N(int64(pairing.Lateness))))
		if m.arrives.Before(last[m.host]) {
			m.arrives = last[m.host]
		}
		last[m.host] = m.arrives
	}
	slices.SortStableFunc(all, func(a, b message) int { return cmp.Compare(a.arrives.UnixNano(), b.arrives.UnixNano()) })
	return all
}

// expected is what the package comment says of all the messages together.
func expected(all []message) (want []string) {
	type life struct {
		pairing.Report
		until, closed time.Time
	}
	var lives []*life
	last := map[string]time.Time{}
	byID := map[event.ConnectionID]*life{}
	for _, m := range all {
		last[m.host] = m.at
		for _, r := range m.reports {
			if r.Connection.Kind == event.Opened {
				byID[r.Connection.ID] = &life{Report: r}
				lives = append(lives, byID[r.Connection.ID])
			} else {
				byID[r.Connection.ID].until, byID[r.Connection.ID].closed = r.Connection.SeenUntil, r.Connection.ClosedBefore
			}
		}
	}
	for _, x := range lives {
		until := x.until
		if x.closed.IsZero() {
			until = last[x.Host]
		}
		var snapshots []time.Time
		for _, m := range all {
			if m.host == x.Peer && m.at.Sub(x.Connection.OpenedBefore) >= pairing.Margin {
				snapshots = append(snapshots, m.at)
			}
		}
		if len(snapshots) < 3 || until.Sub(snapshots[2]) < pairing.Margin {
			continue
		}
		if slices.ContainsFunc(lives, func(y *life) bool {
			over := !y.closed.IsZero() && !x.Connection.OpenedAfter.IsZero() && x.Connection.OpenedAfter.Sub(y.closed) >= pairing.Margin
			return y.Host == x.Peer && y.Peer == x.Host && y.Connection.Local == x.Connection.Remote && y.Connection.LocalPort == x.Connection.RemotePort &&
				y.Connection.RemotePort == x.Connection.LocalPort && !y.At.After(snapshots[2]) && !over
		}) {
			continue
		}
		at := until
		for _, m := range all {
			if m.host == x.Host && m.at.Sub(snapshots[2]) >= pairing.Margin && m.at.Before(at) {
				at = m.at
			}
		}
		want = append(want, line(x.Host, x.Peer, x.Connection.ID, snapshots[0], snapshots[2], at))
	}
	slices.Sort(want)
	return want
}

func line(host, silent string, id event.ConnectionID, since, until, at time.Time) string {
	return fmt.Sprintf("%s %s %s since %s until %s at %s", host, silent, id, since.Format(time.TimeOnly), until.Format(time.TimeOnly), at.Format(time.TimeOnly))
}

func lines(proved []pairing.Unpaired) (all []string) {
	for _, o := range proved {
		all = append(all, line(o.Host, o.Peer, o.Connection.ID, o.Since, o.Until, o.At))
	}
	slices.Sort(all)
	return all
}

// TestOrderChangesNothing holds what is reported, whatever the order in which
// the messages of the hosts come, against what the definition says of all of
// them; and a restart anywhere changes nothing.
func TestOrderChangesNothing(t *testing.T) {
	found, none := 0, 0
	seeds := uint64(2000)
	if testing.Short() {
		seeds = 400
	}
	for seed := range seeds {
		random := rand.New(rand.NewPCG(seed, 1))
		traffic := someTraffic(random)
		want := expected(traffic)
		if len(want) == 0 {
			none++
		}
		found += len(want)
		for n := range 3 {
			order := delayed(random, traffic)
			cut := random.IntN(len(order))
			w, whole := pairing.New(pairing.Limits{}), pairing.New(pairing.Limits{})
			var proved []pairing.Unpaired
			for i := range order {
				if i == cut {
					w = restored(t, w, pairing.Limits{})
				}
				proved = append(proved, order[i].tell(w)...)
				if n == 0 {
					order[i].tell(whole)
				}
			}
			if got := lines(proved); !slices.Equal(got, want) {
				t.Fatalf("seed %d, order %d\n%s got:\n%s\n want:\n%s", seed, n, history(order), strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			if n == 0 && !bytes.Equal(save(t, w), save(t, whole)) {
				t.Fatalf("seed %d: cut at %d, they have become different", seed, cut)
			}
		}
	}
	if found < int(seeds)/2 || none < int(seeds)/20 {
		t.Errorf("%d found, none in %d", found, none)
	}
}

func history(all []message) (text string) {
	for _, m := range all {
		text += fmt.Sprintf("%s %s\n", m.host, m.at.Format(time.TimeOnly))
		for _, r := range m.reports {
			c := &r.Connection
			text += fmt.Sprintf("  %s %s :%d :%d (%s, %s] until %s closed %s\n", c.Kind, c.ID, c.LocalPort, c.RemotePort,
				c.OpenedAfter.Format(time.TimeOnly), c.OpenedBefore.Format(time.TimeOnly), c.SeenUntil.Format(time.TimeOnly), c.ClosedBefore.Format(time.TimeOnly))
		}
	}
	return text
}
