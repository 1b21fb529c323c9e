package detect_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"headstart/event"
)

// someFleet is a small company with four days of regular work, and a good many
// things in it that are not: logins, sweeps, pivots, strangers, new ports.
func someFleet(random *rand.Rand) (f *fleet, until time.Time) {
	f = new(fleet)
	add := func(name, address string, reports, listed bool, roles ...string) {
		m := &machine{name: name, address: addressOf(address), roles: roles, reports: reports, listed: listed}
		m.phase = time.Duration(random.IntN(30)) * time.Second
		if reports && random.IntN(8) == 0 {
			m.offset = time.Duration(random.IntN(8000)-4000) * time.Millisecond
		}
		if reports && random.IntN(6) == 0 {
			m.since = dayStart(1 + random.IntN(4))
		}
		f.machines = append(f.machines, m)
	}
	for n, role := range []string{"web", "web", "app", "database", "file-server", "workstation", "workstation", "workstation", "bastion", ""} {
		var roles []string
		if role != "" {
			roles = []string{role}
		}
		add(fmt.Sprintf("host-%02d", n), fmt.Sprintf("10.1.%d.%d", n/4, n+10), true, n%2 == 0, roles...)
	}
	add("dc-01", "10.1.7.10", false, true, "domain-controller")
	add("desk-77", "10.1.8.77", false, true, "workstation")
	for n := range 6 {
		add(fmt.Sprintf("10.1.6.%d", n+1), fmt.Sprintf("10.1.6.%d", n+1), false, false)
	}
	add("203.0.113.7", "203.0.113.7", false, false)
	add("198.51.100.9", "198.51.100.9", false, false)

	const days = 4
	start, until := dayStart(1), dayStart(days+1)
	any := func() *machine { return f.machines[random.IntN(len(f.machines))] }
	port := func() uint16 {
		return []uint16{22, 22, 445, 445, 3389, 5985, 135, 5432, 3306, 8080, 443, 40000}[random.IntN(12)]
	}
	length := func() time.Duration {
		return time.Duration(math.Exp(random.Float64()*10) * float64(time.Second)) // up to six hours
	}
	happen := func(from, to *machine, port uint16, at time.Time, length time.Duration) *flow {
		made := &flow{
			id: uint64(len(f.flows)), from: from, to: to, port: port, start: at.Truncate(time.Second), end: at.Truncate(time.Second).Add(length),
			dropped: random.IntN(5) == 0,
		}
		if from != to {
			f.flows = append(f.flows, made)
		}
		return made
	}
	for range 25 {
		from, to, port, every, length := any(), any(), port(), time.Duration(1+random.IntN(24))*time.Hour, length()/8
		for at := start.Add(time.Duration(random.IntN(3600)) * time.Second); at.Before(until); at = at.Add(every) {
			happen(from, to, port, at.Add(time.Duration(random.IntN(600))*time.Second), length)
		}
	}
	moment := func() time.Time { return start.Add(time.Duration(random.Int64N(int64(until.Sub(start))))) }
	for range 60 {
		one := happen(any(), any(), port(), moment(), length())
		one.unanswered = random.IntN(4) == 0
	}
	for range 4 {
		from, port, at, answered := any(), port(), moment(), random.IntN(2) == 0
		for n := range 3 + random.IntN(15) {
			to := any()
			if random.IntN(2) == 0 {
				to = f.machines[len(f.machines)-3-n%6]
			}
			happen(from, to, port, at.Add(time.Duration(n*random.IntN(40))*time.Second), 2*time.Minute).unanswered = !answered
		}
	}
	for range 6 {
		at, from := moment(), any()
		for range 2 + random.IntN(4) {
			to := any()
			happen(from, to, []uint16{22, 3389, 5985, 445}[random.IntN(4)], at, time.Duration(1+random.IntN(60))*time.Minute)
			at, from = at.Add(time.Duration(random.IntN(90))*time.Minute), to
		}
	}
	for range 5 {
		f.flows = append(f.flows, &flow{id: uint64(len(f.flows)), to: any(), port: 4000 + uint16(random.IntN(9)), start: moment(), end: until})
	}
	for _, m := range f.machines {
		if random.IntN(5) == 0 {
			at := moment()
			m.silent = []span{{at, at.Add(time.Duration(random.IntN(60)) * time.Minute)}}
		}
	}
	return f, until
}

// someHistory returns the messages of such a company, as many as the caller
// wants. Most snapshots without changes are left out.
func someHistory(random *rand.Rand) (*fleet, []message) {
	f, until := someFleet(random)
	return f, f.messages(dayStart(1), until, until)
}

// delayed returns the messages in another order, as they come when hosts report
// late by up to a bound, each in its own order.
func delayed(random *rand.Rand, history []message, bound time.Duration) []message {
	late := map[string]time.Duration{}
	all := slices.Clone(history)
	last := map[string]time.Time{}
	for i := range all {
		m := &all[i]
		host := m.changes.Host
		if random.IntN(20) == 0 {
			late[host] = time.Duration(random.Int64N(int64(bound)))
		}
		arrives := m.storedAt.Add(late[host])
		if arrives.Before(last[host]) {
			arrives = last[host]
		}
		last[host] = arrives
		m.storedAt = arrives
	}
	slices.SortStableFunc(all, func(a, b message) int { return a.storedAt.Compare(b.storedAt) })
	return all
}

func addressOf(text string) event.Address {
	var a event.Address
	if err := a.UnmarshalText([]byte(text)); err != nil {
		panic(err)
	}
	return a
}
