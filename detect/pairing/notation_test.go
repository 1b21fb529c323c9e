package pairing_test

import (
	"fmt"
	"hash/fnv"
	"net/netip"
	"strings"
	"time"

	"headstart/detect/pairing"
	"headstart/event"
)

// The notation of the scripts in testdata. Hosts have the addresses
//
//	-- hosts --
//	web-01 10.0.0.1
//
// A snapshot of a host is
//
//	-- web-01 15:00:30 --
//	attempted #1 10.0.0.1:40000 > 10.0.0.2:22
//	opened #1 10.0.0.1:40000 > 10.0.0.2:22 by=listener opened=15:00:00..15:00:10
//	closed #1 until=15:00:20 closed=15:00:29
//
// with the changes that it shows: from originator to responder, as the host sees
// it. What opens began since the host's snapshot before, or in opened=, whose
// first time can be missing; what closes was open until the snapshot before, or
// until=, and closed by now, or closed=. With both, what opens is over already.
// The heartbeat follows. reset in place of changes is that the tracker knows
// nothing of the host any more. What follows is
//
//	-- unpaired --
//	web-01 shows #1, dc-01 doesn't from 15:00:40 to 15:01:40, at 15:02:00
const scriptDay = "2025-06-05"

type script struct {
	witnesses *pairing.Pairs
	names     map[netip.Addr]string
	last      map[string]time.Time
	reports   map[string]pairing.Report // by host and number
	ids       map[event.ConnectionID]string
}

func newScript(limits pairing.Limits) *script {
	return &script{
		witnesses: pairing.New(limits), names: map[netip.Addr]string{}, last: map[string]time.Time{},
		reports: map[string]pairing.Report{}, ids: map[event.ConnectionID]string{},
	}
}

// section does what a section says, and returns what follows.
func (s *script) section(name, text string) (string, error) {
	fields := strings.Fields(name)
	switch {
	case name == "hosts":
		for line := range strings.Lines(text) {
			host := strings.Fields(line)
			if len(host) != 2 {
				return "", fmt.Errorf("%q: want a name and an address", line)
			}
			address, err := netip.ParseAddr(host[1])
			if err != nil {
				return "", err
			}
			s.names[address] = host[0]
		}
		return "", nil
	case len(fields) != 2:
		return "", fmt.Errorf("want hosts or HOST TIME")
	}
	at, err := parseMoment(fields[1])
	if err != nil {
		return "", err
	}
	var proved []pairing.Unpaired
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) == "reset" {
			s.witnesses.Reset(fields[0])
			continue
		}
		r, err := s.report(fields[0], at, strings.Fields(line))
		if err != nil {
			return "", fmt.Errorf("%q: %w", line, err)
		}
		proved = append(proved, s.witnesses.Report(r)...)
	}
	proved = append(proved, s.witnesses.Heartbeat(fields[0], at)...)
	s.last[fields[0]] = at
	return s.describe(proved), nil
}

func (s *script) report(host string, at time.Time, fields []string) (*pairing.Report, error) {
	if len(fields) < 2 {
		return nil, fmt.Errorf("want a change and a number")
	}
	key := host + fields[1]
	r, known := s.reports[key]
	c := &r.Connection
	if err := c.Kind.UnmarshalText([]byte(fields[0])); err != nil {
		return nil, err
	}
	r.Host, r.At = host, at
	if !known {
		h := fnv.New128a()
		h.Write([]byte(key))
		copy(c.ID[:], h.Sum(nil))
		s.ids[c.ID] = fields[1]
	}
	if c.Kind == event.Closed {
		c.SeenUntil, c.ClosedAfter, c.ClosedBefore = s.last[host], s.last[host], at
		if c.SeenUntil.Before(c.OpenedBefore) {
			c.SeenUntil = c.OpenedBefore
		}
	} else {
		c.OpenedAfter, c.OpenedBefore, c.SeenUntil = s.last[host], at, at
	}
	rest := fields[2:]
	if len(rest) >= 3 && rest[1] == ">" {
		from, err := netip.ParseAddrPort(rest[0])
		if err != nil {
			return nil, err
		}
		to, err := netip.ParseAddrPort(rest[2])
		if err != nil {
			return nil, err
		}
		c.Direction, c.DirectionFrom = event.Outbound, event.FromPorts
		if c.Kind == event.Attempted {
			c.DirectionFrom = event.FromHandshake
		}
		if s.names[from.Addr()] != host {
			from, to = to, from
			c.Direction = event.Inbound
		}
		c.Local, c.LocalPort, c.Remote, c.RemotePort = event.AddressFrom(from.Addr()), from.Port(), event.AddressFrom(to.Addr()), to.Port()
		r.Peer = s.names[to.Addr()]
		rest = rest[3:]
	}
	for _, field := range rest {
		if err := reportField(c, field); err != nil {
			return nil, fmt.Errorf("%s: %w", field, err)
		}
	}
	s.reports[key] = r
	return &r, nil
}

func reportField(c *event.Connection, field string) (err error) {
	name, value, _ := strings.Cut(field, "=")
	switch name {
	case "by":
		err = c.DirectionFrom.UnmarshalText([]byte(value))
	case "opened":
		after, before, _ := strings.Cut(value, "..")
		if c.OpenedAfter = (time.Time{}); after != "" {
			c.OpenedAfter, err = parseMoment(after)
		}
		if err == nil {
			c.OpenedBefore, err = parseMoment(before)
		}
	case "until":
		c.SeenUntil, err = parseMoment(value)
	case "closed":
		c.ClosedBefore, err = parseMoment(value)
		c.ClosedAfter = c.SeenUntil
	default:
		err = fmt.Errorf("no such field")
	}
	return err
}

func parseMoment(text string) (time.Time, error) {
	if !strings.Contains(text, "T") {
		text = scriptDay + "T" + text
	}
	return time.Parse("2006-01-02T15:04:05", text)
}

func (s *script) describe(proved []pairing.Unpaired) (text string) {
	for _, o := range proved {
		text += fmt.Sprintf("%s shows %s, %s doesn't from %s to %s, at %s\n", o.Host, s.ids[o.Connection.ID], o.Peer,
			o.Since.Format(time.TimeOnly), o.Until.Format(time.TimeOnly), o.At.Format(time.TimeOnly))
	}
	return text
}
