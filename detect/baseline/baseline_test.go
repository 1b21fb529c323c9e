package baseline_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"headstart/detect/baseline"
	"headstart/detect/rule"
	"headstart/event"
	"headstart/event/wire"
)

const day = 24 * time.Hour

var monday = time.Date(2025, 6, 2, 0, 0, 0, 0, time.UTC)

func host(name string, roles ...string) baseline.End { return baseline.End{Host: name, Roles: roles} }

func sighting(from, to baseline.End, port uint16, at time.Time) baseline.Sighting {
	return baseline.Sighting{Originator: from, Responder: to, Port: port, At: at}
}

// company is four days of a web tier that asks its database, an administrator
// that logs in everywhere, and monitoring.
func company(b *baseline.Baseline) {
	hosts := []baseline.End{host("web-01", "web"), host("web-02", "web"), host("db-01", "database"), host("app-01"), host("app-02"), host("app-03")}
	for _, h := range append(hosts, host("admin-01", "admin")) {
		b.Report(h.Host, monday)
		b.Active(sighting(h, h, 22, monday))
	}
	for d := range 4 {
		at := monday.Add(time.Duration(d)*day + 9*time.Hour)
		for _, web := range hosts[:2] {
			b.Opened(sighting(web, hosts[2], 5432, at))
			b.Closed(sighting(web, hosts[2], 5432, at), 0, 4*time.Second)
		}
		for i, h := range hosts {
			b.Opened(sighting(host("admin-01", "admin"), h, 22, at.Add(time.Duration(i)*time.Minute)))
			b.Opened(sighting(h, host("monitor"), 9090, at))
		}
	}
}

func TestUsual(t *testing.T) {
	b := baseline.New(baseline.Options{Learning: 3 * day})
	company(b)
	now := monday.Add(4*day + 10*time.Hour)
	web1, web2, db := host("web-01", "web"), host("web-02", "web"), host("db-01", "database")
	b.Report("web-03", now)
	for name, c := range map[string]struct {
		sighting baseline.Sighting
		check    func(rule.Baseline) bool
	}{
		"an edge seen on four days is known": {sighting(web1, db, 5432, now),
			func(u rule.Baseline) bool { return u.Known && u.Days == 4 && u.HourUsual && !u.Unusual }},
		"at night its hour is unusual": {sighting(web1, db, 5432, now.Add(12*time.Hour)),
			func(u rule.Baseline) bool { return u.Known && !u.HourUsual }},
		"its connections live two seconds": {sighting(web1, db, 5432, now),
			func(u rule.Baseline) bool {
				return u.Length.Count == 4 && u.Length.P99 > 1800*time.Millisecond && u.Length.P99 < 2200*time.Millisecond
			}},
		"another port is another edge": {sighting(web1, db, 22, now),
			func(u rule.Baseline) bool { return !u.Known && u.Days == 0 && u.Unusual }},
		"the way back is another edge": {sighting(db, web1, 5432, now),
			func(u rule.Baseline) bool { return u.Unusual }},
		"a new web server is judged by what web servers do": {sighting(host("web-03", "web"), db, 5432, now),
			func(u rule.Baseline) bool { return !u.Known && u.RoleKnown && u.Host.Learning && !u.Unusual }},
		"one web server to another has nothing to do with it": {sighting(web1, web2, 22, now),
			func(u rule.Baseline) bool { return !u.RoleKnown && u.Unusual }},
		"an administrator's next host is nothing unusual": {sighting(host("admin-01", "admin"), host("cache-01"), 22, now),
			func(u rule.Baseline) bool {
				return !u.Known && u.Originator.Peers == 6 && u.Fanout.P99 > 5 && u.Fanout.P99 < 7 && !u.Unusual
			}},
		"what everybody reaches is nothing unusual": {sighting(host("admin-01", "admin"), host("monitor"), 9090, now),
			func(u rule.Baseline) bool { return u.Prevalence > 0.8 && u.Responder.Peers == 6 && !u.Unusual }},
		"a host without a role has its name's": {sighting(host("app-04"), host("monitor"), 9090, now),
			func(u rule.Baseline) bool { return u.RoleKnown }},
	} {
		t.Run(name, func(t *testing.T) {
			if u := b.Lookup(c.sighting, true); !c.check(u) {
				t.Errorf("%+v; %s", u, b.Explain(c.sighting))
			}
		})
	}
}

func TestNothingIsUnusualWhileLearning(t *testing.T) {
	for _, learning := range []time.Duration{0, time.Hour, 7 * day} {
		t.Run(fmt.Sprint(learning), func(t *testing.T) {
			b := baseline.New(baseline.Options{Learning: learning})
			company(b)
			u := b.Lookup(sighting(host("web-01", "web"), host("web-02", "web"), 22, monday.Add(4*day)), true)
			if u.Unusual || !u.Host.Learning || !u.Peer.Learning {
				t.Errorf("%+v", u)
			}
		})
	}
}

func TestADayCountsOnceItIsOver(t *testing.T) {
	b := baseline.New(baseline.Options{Learning: day})
	edge := func(at time.Time) baseline.Sighting { return sighting(host("a"), host("b"), 22, at) }
	for n := range 1000 {
		b.Opened(edge(monday.Add(time.Duration(n) * time.Minute)))
	}
	for _, c := range []struct {
		at   time.Duration
		days int
	}{{20 * time.Hour, 0}, {day + time.Minute, 0}, {day + 6*time.Minute, 1}, {50 * day, 1}} {
		if got := b.Lookup(edge(monday.Add(c.at)), true).Days; got != c.days {
			t.Errorf("after %v: %d days, want %d", c.at, got, c.days)
		}
	}
}

func TestApprovedIsKnown(t *testing.T) {
	b := baseline.New(baseline.Options{Learning: day})
	b.Approve(func(s baseline.Sighting) (string, bool) { return "by ops@example.com", s.Port == 22 })
	s := sighting(host("a"), host("b"), 22, monday)
	if u := b.Lookup(s, true); !u.Known {
		t.Errorf("%+v", u)
	}
	if why := b.Explain(s); why != "approved: by ops@example.com" {
		t.Error(why)
	}
}

func TestUnseenEntriesExpire(t *testing.T) {
	b := baseline.New(baseline.Options{Learning: day})
	company(b)
	before, _ := b.Edges()
	later := monday.Add(60 * day)
	b.Opened(sighting(host("web-01", "web"), host("db-01", "database"), 5432, later))
	b.Expire(later)
	after, _ := b.Edges()
	if before != 14 || after != 1 {
		t.Errorf("%d edges, then %d", before, after)
	}
	if u := b.Lookup(sighting(host("x"), host("monitor"), 9090, later), true); u.Responder.Peers != 0 || u.Prevalence != 0 {
		t.Errorf("%+v", u)
	}
}

func TestCapsRejectAndCount(t *testing.T) {
	b := baseline.New(baseline.Options{Learning: day, MaxEdges: 50, MaxOfOne: 10})
	for n := range 100 {
		b.Opened(sighting(host("scanner"), host(fmt.Sprint("h", n)), 22, monday))
		b.Opened(sighting(host(fmt.Sprint("h", n)), host("monitor"), 9090, monday))
	}
	if n, refused := b.Edges(); n != 50 || refused != 150 {
		t.Errorf("%d edges, %d refused", n, refused)
	}
}

// history is random traffic of a few hosts over some days, in order of time.
func history(r *rand.Rand, n int) []baseline.Sighting {
	var all []baseline.Sighting
	at := monday.Add(12 * time.Hour)
	for range n {
		at = at.Add(time.Duration(r.ExpFloat64() * float64(20*time.Minute)))
		roles := []string{"web", "db", ""}[r.IntN(3)]
		from := host(fmt.Sprintf("%s-%d", roles, r.IntN(4)))
		if roles != "" {
			from.Roles = []string{roles}
		}
		s := sighting(from, host(fmt.Sprintf("to-%d", r.IntN(5))), uint16(20+r.IntN(3)), at)
		if r.IntN(5) == 0 {
			s.Originator = baseline.End{Address: event.AddressFrom4(0xc0000200 | uint32(r.IntN(1024))), External: true}
		}
		all = append(all, s)
	}
	return all
}

func feed(b *baseline.Baseline, s baseline.Sighting) {
	b.Opened(s)
	b.Attempted(s)
	b.Closed(s, 0, time.Duration(s.At.Unix()%100)*time.Second)
}

func TestOrderOfArrivalChangesNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		sorted := history(r, 150)
		shuffled := append([]baseline.Sighting(nil), sorted...)
		// Each report arrives up to four minutes late.
		for i := 1; i < len(shuffled); i++ {
			if j := i - 1; shuffled[i].At.Sub(shuffled[j].At) < 4*time.Minute && r.IntN(2) == 0 {
				shuffled[i], shuffled[j] = shuffled[j], shuffled[i]
			}
		}
		a, b := baseline.New(baseline.Options{Learning: day}), baseline.New(baseline.Options{Learning: day})
		for i := range sorted {
			feed(a, sorted[i])
			feed(b, shuffled[i])
		}
		ask := sorted[len(sorted)-1].At.Add(3 * time.Hour)
		for _, s := range sorted {
			s.At = ask
			if x, y := a.Lookup(s, true), b.Lookup(s, true); x != y {
				t.Fatalf("%+v\nin order:     %+v\nout of order: %+v", s, x, y)
			}
		}
	}
}

func TestRestoredStateContinuesExactly(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		all := history(r, 200)
		cut := r.IntN(len(all))
		a, b := baseline.New(baseline.Options{Learning: day}), baseline.New(baseline.Options{Learning: day})
		for _, s := range all[:cut] {
			a.Report(s.Originator.Host, s.At)
			a.Active(s)
			feed(a, s)
		}
		saved, err := wire.Marshal(a.Save())
		if err != nil {
			t.Fatal(err)
		}
		var state baseline.State
		if err := wire.Unmarshal(saved, &state); err != nil {
			t.Fatal(err)
		}
		if err := b.Restore(state); err != nil {
			t.Fatal(err)
		}
		for _, s := range all[cut:] {
			if x, y := a.Lookup(s, true), b.Lookup(s, true); x != y {
				t.Fatalf("%+v\nnever stopped: %+v\nrestored:      %+v", s, x, y)
			}
			feed(a, s)
			feed(b, s)
		}
	}
}

func BenchmarkOpened(b *testing.B) {
	b.ReportAllocs()
	base := baseline.New(baseline.Options{Learning: day})
	company(base)
	s := sighting(host("web-01", "web"), host("db-01", "database"), 5432, monday.Add(4*day))
	for b.Loop() {
		s.At = s.At.Add(time.Second)
		base.Opened(s)
	}
}

func BenchmarkUsual(b *testing.B) {
	b.ReportAllocs()
	base := baseline.New(baseline.Options{Learning: day})
	company(base)
	s := sighting(host("web-01", "web"), host("db-01", "database"), 5432, monday.Add(4*day))
	for b.Loop() {
		base.Lookup(s, true)
	}
}

func TestClocksThatAreWrongDoNoHarm(t *testing.T) {
	b := baseline.New(baseline.Options{Learning: day})
	for _, at := range []time.Time{{}, time.Unix(-1<<40, 0), time.Unix(1<<40, 0), time.Unix(0, 0), monday} {
		s := sighting(host("a"), host("b"), 22, at)
		feed(b, s)
		b.Report("a", at)
		b.Active(s)
		b.Lookup(s, true)
		b.Expire(at)
	}
}
