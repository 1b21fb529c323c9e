package scenario

import (
	"fmt"
	"time"

	"headstart/event"
)

// The intruder's machines.
const (
	entryAddress   = "203.0.113.7"
	controlAddress = "203.0.113.99"
)

// sweep is how many addresses are tried for SMB.
const sweep = 60

// intrude writes down the reference incident, of which the published timeline
// has six moments to the second.
func (s *Story) intrude(l *ledger, r random) {
	c := newCompany()
	clock := func(hour, minute, second int) time.Time {
		return s.Day.Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(second)*time.Second)
	}
	step := func(when time.Time, name string, a call, text string) {
		s.Steps = append(s.Steps, Step{At: when, Name: name, Text: text, Source: a.from, Destination: a.to, Port: a.port})
	}
	do := func(when time.Time, name string, a call, text string) {
		l.add(when.Sub(s.Start), a)
		step(when, name, a, text)
	}
	entry, control := at(entryAddress), at(controlAddress)
	do(clock(14, 30, 0), "SSH compromise of web-01", call{from: entry, to: c.web1.address, port: 22, lasts: 2*time.Hour + 51*time.Minute},
		"logs in to web-01 by SSH from "+entryAddress+", with a stolen password")
	const session = 847 * time.Second
	do(clock(14, 30, 23), "database session on db-01, 847 s", call{from: c.web1.address, to: c.db.address, port: 5432, lasts: session},
		"opens a session on db-01 with the web server's password, and copies tables")
	ended := clock(14, 30, 23).Add(session)
	step(ended, "", call{}, fmt.Sprintf("closes it after %d s; usual is under 2 s", int(session.Seconds())))

	step(clock(15, 15, 41), "SMB reconnaissance", call{from: c.web1.address, port: 445}, fmt.Sprintf("tries %d addresses of 10.1.5.0/24 for SMB; fs-01 answers", sweep))
	when := clock(15, 15, 41)
	for n := range sweep {
		a := call{from: c.web1.address, to: inSubnet(c.files.address, n+1), port: 445, lasts: 3 * time.Second, ends: silent}
		if a.to == c.files.address {
			a.lasts, a.ends = 2*time.Millisecond, resetByOriginator
		}
		l.add(when.Sub(s.Start), a)
		when = when.Add(r.span(300*time.Millisecond, 1200*time.Millisecond))
	}
	do(clock(15, 47, 12), "move to the file server fs-01", call{from: c.web1.address, to: c.files.address, port: 445, lasts: 31 * time.Minute},
		"is on fs-01, over SMB with a password from the database")
	do(clock(16, 22, 8), "RDP to the domain controller", call{from: c.files.address, to: c.dc.address, port: 3389, lasts: 58 * time.Minute},
		"opens a remote desktop on the domain controller dc-01, from fs-01")
	when = clock(16, 31, 0)
	for _, h := range []host{c.backup, c.app, c.web2, c.monitor} {
		do(when, "", call{from: c.dc.address, to: h.address, port: 22, lasts: r.span(4*time.Minute, 20*time.Minute)}, "takes "+h.name+", from dc-01")
		when = when.Add(r.span(4*time.Minute, 7*time.Minute)).Truncate(time.Second)
	}
	do(clock(17, 2, 37), "", call{from: c.web1.address, to: control, port: 443, lasts: 19 * time.Minute},
		"sends 2.3 GB out of web-01 to "+controlAddress)
	s.SIEM = Step{At: clock(17, 30, 0), Name: "the SIEM's first alarm", Text: "raises its first alarm"}
}

// inSubnet returns an address of the same /24.
func inSubnet(a event.Address, n int) event.Address {
	ip := a.Netip().As4()
	ip[3] = byte(n)
	return event.AddressFrom4(uint32(ip[0])<<24 | uint32(ip[1])<<16 | uint32(ip[2])<<8 | uint32(ip[3]))
}
