package detect_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"headstart/detect"
	"headstart/detect/baseline"
	"headstart/event"
)

// busyCompany is forty servers with pollers, desks and the internet around
// them, at work for a while on each of some days.
func busyCompany(days []time.Time, length time.Duration) *fleet {
	random := rand.New(rand.NewPCG(1, 7))
	f := new(fleet)
	group := func(name, role, network string, n int, reports bool) (all []*machine) {
		for i := range n {
			m := &machine{name: fmt.Sprintf("%s-%02d", name, i+1), address: addressOf(fmt.Sprintf("%s.%d", network, i+10)), reports: reports, listed: !reports}
			if role != "" {
				m.roles = []string{role}
			}
			m.phase = time.Duration(len(f.machines)*7%30) * time.Second
			f.machines = append(f.machines, m)
			all = append(all, m)
		}
		return all
	}
	web, app := group("web", "web", "10.1.1", 10, true), group("app", "app", "10.1.2", 16, true)
	db, cache := group("db", "database", "10.1.3", 6, true), group("cache", "", "10.1.4", 4, true)
	files, operations := group("file", "file-server", "10.1.5", 2, true), group("ops", "monitoring", "10.1.6", 2, true)
	balancers, desks := group("lb", "load-balancer", "10.1.0", 2, false), group("desk", "workstation", "10.2.0", 60, false)
	var internet []*machine
	for i := range 3000 {
		internet = append(internet, &machine{address: event.AddressFrom4(0xcb000000 + uint32(i)*7919)})
	}
	all := func(groups ...[]*machine) (all []*machine) {
		for _, g := range groups {
			all = append(all, g...)
		}
		return all
	}
	for _, day := range days {
		often := func(from, to []*machine, port uint16, every, lasts time.Duration) {
			for _, one := range from {
				for at := day; at.Before(day.Add(length)); at = at.Add(time.Duration(float64(every) * (0.5 + random.Float64()))) {
					f.flows = append(f.flows, &flow{
						id: uint64(len(f.flows)), from: one, to: to[random.IntN(len(to))], port: port, start: at,
						end: at.Add(time.Duration(float64(lasts) * (0.2 + 1.6*random.Float64()))), dropped: random.IntN(4) == 0,
					})
				}
			}
		}
		often(balancers, web, 443, 400*time.Millisecond, 15*time.Second)
		often(web, app, 8080, 3*time.Second, 2*time.Second)
		often(web, db, 5432, 20*time.Second, time.Second)
		often(web, internet[:200], 443, 10*time.Second, 20*time.Second)
		often(app, cache, 6379, 3*time.Second, time.Second)
		often(app, db, 5432, time.Minute, 20*time.Minute)
		for range 2 {
			often(operations, all(web, app, db, cache, files), 9100, 700*time.Millisecond, 200*time.Millisecond)
		}
		often(operations, all(web, app, db, cache, files), 22, time.Minute, 20*time.Second)
		often(desks, files, 445, 10*time.Minute, 5*time.Minute)
		often(desks, web, 443, time.Minute, 30*time.Second)
		often(internet, web[:2], 22, time.Hour, 5*time.Second)
	}
	return f
}

// BenchmarkApply is a busy company after three days of learning, with the
// default pack. An event is a change of a connection; a host's message has
// those of half a minute.
func BenchmarkApply(b *testing.B) {
	const length = 20 * time.Minute
	days := []time.Time{dayStart(1), dayStart(2), dayStart(3), dayStart(4)}
	for i := range days {
		days[i] = days[i].Add(12 * time.Hour)
	}
	f := busyCompany(days, length)
	history := f.messages(dayStart(1), days[3], days[3].Add(length))
	c := detect.New(defaultSet(b), detect.Options{Inventory: f.inventory(), Baseline: baseline.Options{Learning: 48 * time.Hour}})
	for len(history) > 0 && history[0].storedAt.Before(days[3]) {
		c.Apply(&history[0].changes, history[0].storedAt)
		history = history[1:]
	}
	events := 0
	for i := range history {
		events += len(history[i].changes.Connections)
	}
	alerts, incidents := 0, 0
	b.ReportAllocs()
	for round := range b.N {
		if round > 0 {
			b.StopTimer()
			later(history, length)
			b.StartTimer()
		}
		for i := range history {
			out := c.Apply(&history[i].changes, history[i].storedAt)
			alerts, incidents = alerts+len(out.Alerts), incidents+len(out.Incidents)
		}
	}
	perOp := b.Elapsed() / time.Duration(b.N)
	b.ReportMetric(float64(perOp.Nanoseconds())/float64(events), "ns/event")
	b.ReportMetric(float64(events)/perOp.Seconds(), "events/s")
	b.ReportMetric(float64(events)/float64(len(history)), "events/message")
	b.ReportMetric(float64(alerts)/float64(b.N), "alerts/op")
	b.ReportMetric(float64(incidents)/float64(b.N), "revisions/op")
}

// BenchmarkHeartbeat is a message in which nothing has changed.
func BenchmarkHeartbeat(b *testing.B) {
	f := busyCompany([]time.Time{dayStart(1)}, 5*time.Minute)
	c := detect.New(defaultSet(b), detect.Options{Inventory: f.inventory()})
	var last *message
	for _, m := range f.messages(dayStart(1), dayStart(1), dayStart(1).Add(5*time.Minute)) {
		c.Apply(&m.changes, m.storedAt)
		last = &m
	}
	last.changes.Connections = nil
	b.ReportAllocs()
	for b.Loop() {
		last.changes.Sequence++
		last.changes.PreviousAt = last.changes.ObservedAt
		last.changes.ObservedAt = last.changes.ObservedAt.Add(pollEvery)
		last.storedAt = last.storedAt.Add(pollEvery)
		c.Apply(&last.changes, last.storedAt)
	}
}

// later makes of a history what comes after it.
func later(history []message, by time.Duration) {
	messages := map[string]uint64{}
	for i := range history {
		messages[history[i].changes.Host]++
	}
	for i := range history {
		m := &history[i]
		c := &m.changes
		m.storedAt = m.storedAt.Add(by)
		c.Sequence += messages[c.Host]
		times := []*time.Time{&c.ObservedAt, &c.PreviousAt}
		for n := range c.Connections {
			one := &c.Connections[n]
			binary.BigEndian.PutUint32(one.ID[8:], binary.BigEndian.Uint32(one.ID[8:])+1<<16)
			times = append(times, &one.OpenedAfter, &one.OpenedBefore, &one.SeenUntil, &one.ClosedAfter, &one.ClosedBefore)
		}
		for _, t := range times {
			if !t.IsZero() {
				*t = t.Add(by)
			}
		}
	}
}
