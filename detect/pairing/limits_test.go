package pairing_test

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"headstart/detect/pairing"
	"headstart/event"
)

// between is a connection from one host to another.
func between(from, to string, number int, at time.Time) *pairing.Report {
	r := &pairing.Report{Host: from, Peer: to, At: at, Connection: event.Connection{
		Kind: event.Opened, Local: event.AddressFrom4(1), LocalPort: uint16(number), Remote: event.AddressFrom4(2), RemotePort: uint16(number >> 16),
		Direction: event.Outbound, DirectionFrom: event.FromPorts, OpenedAfter: at.Add(-30 * time.Second), OpenedBefore: at, SeenUntil: at,
	}}
	binary.BigEndian.PutUint64(r.Connection.ID[:], uint64(number))
	if to < from {
		c := &r.Connection
		c.Local, c.LocalPort, c.Remote, c.RemotePort = c.Remote, c.RemotePort, c.Local, c.LocalPort
		c.ID[11], c.Direction = 1, event.Inbound
	}
	return r
}

func ended(r *pairing.Report, at time.Time) *pairing.Report {
	c := *r
	c.At, c.Connection.Kind = at, event.Closed
	c.Connection.SeenUntil, c.Connection.ClosedAfter, c.Connection.ClosedBefore = at.Add(-30*time.Second), at.Add(-30*time.Second), at
	return &c
}

func TestReportsAreCapped(t *testing.T) {
	for name, limits := range map[string]pairing.Limits{
		"of a host": {ReportsPerHost: 100},
		"in all":    {Reports: 100},
	} {
		t.Run(name, func(t *testing.T) {
			w := pairing.New(limits)
			for i := range 150 {
				w.Report(between("a", "b", i, noon))
			}
			if n, refused := w.Len(); n != 100 || refused != 50 {
				t.Errorf("%d reports, %d refused", n, refused)
			}
			// What is over makes room.
			for i := range 50 {
				w.Report(ended(between("a", "b", i, noon), noon.Add(30*time.Second)))
			}
			for i := range 60 {
				w.Report(between("a", "b", 1000+i, noon.Add(time.Minute)))
			}
			if n, refused := w.Len(); n != 100 || refused != 60 {
				t.Errorf("%d reports, %d refused", n, refused)
			}
		})
	}
	t.Run("hosts", func(t *testing.T) {
		w := pairing.New(pairing.Limits{Hosts: 10})
		for i := range 20 {
			w.Heartbeat(fmt.Sprint("host-", i), noon)
		}
		w.Report(between("a", "b", 1, noon))
		if n, refused := w.Len(); n != 0 || refused != 1 || len(w.Save().Hosts) != 10 {
			t.Errorf("%d reports, %d refused, %d hosts", n, refused, len(w.Save().Hosts))
		}
	})
}

// TestFullTableAccusesNoHost has b show everything, more than there is
// room for.
func TestFullTableAccusesNoHost(t *testing.T) {
	for name, c := range map[string]struct{ of, want int }{
		"there was room":       {40, 0},
		"there was no room":    {60, 0},
		"b shows nothing":      {0, 40},
		"b shows half of them": {20, 20},
	} {
		t.Run(name, func(t *testing.T) {
			w := pairing.New(pairing.Limits{ReportsPerHost: 50})
			at := noon
			w.Heartbeat("a", at)
			w.Heartbeat("b", at)
			for i := range c.of {
				r := between("b", "a", i, at)
				w.Report(r)
				w.Report(ended(r, at.Add(30*time.Second)))
			}
			for i := range 40 {
				w.Report(between("a", "b", i, at))
			}
			proved := 0
			for range 5 {
				at = at.Add(30 * time.Second)
				proved += len(w.Heartbeat("b", at)) + len(w.Heartbeat("a", at.Add(5*time.Second)))
			}
			if proved != c.want {
				t.Errorf("%d one-sided", proved)
			}
		})
	}
}

func TestEverythingExpires(t *testing.T) {
	beat := func(w *pairing.Pairs, hosts string, from, to time.Time) {
		for at := from; at.Before(to); at = at.Add(30 * time.Second) {
			for _, host := range hosts {
				w.Heartbeat(string(host), at)
			}
		}
	}
	for name, c := range map[string]struct {
		report *pairing.Report
		over   bool
		hosts  string
		keeps  time.Duration
	}{
		"what is over":            {between("a", "b", 1, noon), true, "ab", pairing.Lateness},
		"an attempt":              {attempt(between("a", "b", 1, noon)), false, "ab", pairing.Lateness},
		"what a silent host had":  {between("a", "b", 1, noon), false, "bc", 23 * time.Hour},
		"the other end is silent": {between("a", "b", 1, noon), true, "ac", pairing.Lateness},
	} {
		t.Run(name, func(t *testing.T) {
			w := pairing.New(pairing.Limits{})
			beat(w, "ab", noon, noon.Add(time.Minute))
			w.Report(c.report)
			if c.over {
				w.Report(ended(c.report, noon.Add(time.Minute)))
			}
			beat(w, c.hosts, noon.Add(time.Minute), noon.Add(c.keeps))
			if n, _ := w.Len(); n != 1 {
				t.Fatalf("%d reports after %s", n, c.keeps)
			}
			beat(w, c.hosts, noon.Add(c.keeps), noon.Add(c.keeps+2*time.Hour))
			if n, _ := w.Len(); n != 0 {
				t.Errorf("%d reports after %s and more", n, c.keeps)
			}
			beat(w, "c", noon.Add(c.keeps+2*time.Hour), noon.Add(c.keeps+50*time.Hour))
			if s := w.Save(); len(s.Hosts) != 1 || len(s.Reports) != 0 {
				t.Errorf("%d hosts, %d reports", len(s.Hosts), len(s.Reports))
			}
		})
	}
	t.Run("an attempt that is answered is kept from its end on", func(t *testing.T) {
		w := pairing.New(pairing.Limits{})
		beat(w, "ab", noon, noon.Add(time.Minute))
		w.Report(attempt(between("a", "b", 1, noon)))
		w.Report(between("a", "b", 1, noon.Add(time.Minute)))
		beat(w, "ab", noon.Add(time.Minute), noon.Add(5*time.Minute))
		w.Report(ended(between("a", "b", 1, noon), noon.Add(5*time.Minute)))
		beat(w, "ab", noon.Add(5*time.Minute), noon.Add(5*time.Minute+pairing.Lateness))
		if n, _ := w.Len(); n != 1 {
			t.Errorf("%d reports", n)
		}
		beat(w, "ab", noon.Add(5*time.Minute+pairing.Lateness), noon.Add(20*time.Minute))
		if n, _ := w.Len(); n != 0 {
			t.Errorf("%d reports in the end", n)
		}
	})
	t.Run("an attempt that is answered stays", func(t *testing.T) {
		w := pairing.New(pairing.Limits{})
		w.Report(attempt(between("a", "b", 1, noon)))
		w.Report(between("a", "b", 1, noon.Add(time.Minute)))
		beat(w, "ab", noon, noon.Add(time.Hour))
		if n, _ := w.Len(); n != 1 {
			t.Errorf("%d reports", n)
		}
		w.Report(ended(between("a", "b", 1, noon), noon.Add(time.Hour)))
		beat(w, "ab", noon.Add(time.Hour), noon.Add(time.Hour+pairing.Lateness))
		if n, _ := w.Len(); n != 1 {
			t.Errorf("%d reports when it is over", n)
		}
		beat(w, "ab", noon.Add(time.Hour+pairing.Lateness), noon.Add(2*time.Hour))
		if n, _ := w.Len(); n != 0 {
			t.Errorf("%d reports in the end", n)
		}
	})
}

func attempt(r *pairing.Report) *pairing.Report {
	r.Connection.Kind, r.Connection.State = event.Attempted, event.SynSent
	return r
}

// TestSilentPeerDelaysNothing opens and closes connections to a host whose
// poller is away.
func TestSilentPeerDelaysNothing(t *testing.T) {
	w := pairing.New(pairing.Limits{})
	at := noon
	for i := range 100_000 {
		r := between("a", "b", i, at)
		w.Report(r)
		if i%100 == 99 {
			at = at.Add(30 * time.Second)
			w.Heartbeat("a", at)
		}
		w.Report(ended(r, at.Add(time.Minute)))
	}
	if n, _ := w.Len(); n > 2000 {
		t.Errorf("%d reports", n)
	}
	if s := w.Save(); len(s.Hosts[1].Pending) > 2000 || len(s.Hosts[0].Retained) > 2000 {
		t.Errorf("%d wait, %d are kept", len(s.Hosts[1].Pending), len(s.Hosts[0].Retained))
	}
}

func TestNonsenseIsNothing(t *testing.T) {
	w := pairing.New(pairing.Limits{})
	listening := between("a", "b", 1, noon)
	listening.Connection.Kind = event.Listening
	for name, r := range map[string]*pairing.Report{
		"a listening port":            listening,
		"a host with itself":          between("a", "a", 1, noon),
		"an end of what never began":  ended(between("a", "b", 1, noon), noon),
		"a change of an unknown kind": {Host: "a", Peer: "b"},
		"a change of no kind at all":  {},
		"a kind that will come to be": {Host: "a", Peer: "b", Connection: event.Connection{Kind: 77}},
	} {
		if proved := w.Report(r); proved != nil {
			t.Errorf("%s: %+v", name, proved)
		}
	}
	if n, _ := w.Len(); n != 0 {
		t.Errorf("%d reports", n)
	}
	w.Report(between("a", "b", 1, time.Time{}))
	w.Report(between("a", "b", 2, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)))
	w.Heartbeat("b", time.Time{})
	w.Heartbeat("b", time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC))
}

func TestDamagedStateIsRejected(t *testing.T) {
	w := pairing.New(pairing.Limits{})
	w.Heartbeat("a", noon)
	w.Heartbeat("b", noon)
	w.Report(between("a", "b", 1, noon))
	for name, damage := range map[string]func(s *pairing.State){
		"a report of no host":      func(s *pairing.State) { s.Reports[0].Host = 7 },
		"a report to no host":      func(s *pairing.State) { s.Reports[0].Peer = -1 },
		"no report waits":          func(s *pairing.State) { s.Hosts[1].Pending[0] = 9 },
		"a report without content": func(s *pairing.State) { s.Reports[0].Shows = nil },
		"a host twice":             func(s *pairing.State) { s.Hosts[1].Name = "a" },
		"snapshots out of order":   func(s *pairing.State) { s.Hosts[0].Beats = []int64{2, 1} },
		"kept without a time":      func(s *pairing.State) { s.Hosts[0].Retained = []int32{0} },
	} {
		t.Run(name, func(t *testing.T) {
			s := w.Save()
			damage(&s)
			fresh := pairing.New(pairing.Limits{})
			if err := fresh.Restore(s); err == nil {
				t.Fatal("restored")
			}
			if n, _ := fresh.Len(); n != 0 {
				t.Errorf("%d reports", n)
			}
		})
	}
}

// BenchmarkReport is a connection between two of a hundred hosts: both ends
// report that it was opened and that it was closed, and each host's heartbeat
// comes after ten reports.
func BenchmarkReport(b *testing.B) {
	w := pairing.New(pairing.Limits{})
	names := make([]string, 100)
	for i := range names {
		names[i] = fmt.Sprintf("host-%02d", i)
	}
	reports := 0
	n, at := 0, noon
	b.ReportAllocs()
	for b.Loop() {
		from, to := names[n%99], names[n%99+1]
		opened := [2]*pairing.Report{between(from, to, n, at), between(to, from, n, at)}
		for _, r := range opened {
			if proved := w.Report(r); proved != nil {
				b.Fatalf("%+v", proved)
			}
		}
		later := at.Add(time.Minute)
		for _, r := range opened {
			w.Report(ended(r, later))
		}
		reports += 4
		n++
		at = at.Add(10 * time.Millisecond)
		w.Heartbeat(names[n/4%100], at)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(reports), "ns/report")
	remembered, _ := w.Len()
	b.ReportMetric(float64(remembered), "remembered")
}
