package scaffold

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// tests writes a case in which the rule fires, and one in which it nearly fires.
func (d *Draft) tests(b *strings.Builder, firesAt string) {
	if firesAt == "" {
		firesAt = unknownTime + " " + d.subjects()[0]
	}
	at, host, _ := strings.Cut(firesAt, " ")
	b.WriteString("tests:\n")
	block(b, "hosts", 2, d.hosts())
	b.WriteString("  cases:\n")
	fires, misses, why := d.cases()
	for _, one := range []struct{ name, connections, alerts string }{
		{"it fires", fires, fmt.Sprintf("%s %s %s", at, d.ID, host)},
		{why, misses, "never " + d.ID},
	} {
		fmt.Fprintf(b, "    - name: %s\n", one.name)
		block(b, "connections", 6, one.connections)
		block(b, "alerts", 6, one.alerts)
	}
}

// several reports whether the tests need several hosts at an end.
func (d *Draft) several() (hosts, peers bool) {
	return d.Kind == Count && d.Inbound, d.Kind == Count && !d.Inbound
}

// name returns the name of an end in the tests: a range for several hosts.
func (d *Draft) name(e End, several bool, n int) string {
	if !several {
		return e.Name
	}
	stem := strings.TrimRight(e.Name, "0123456789-.") + "-"
	if n == 1 {
		return stem + "001"
	}
	return fmt.Sprintf("%s001..%s%03d", stem, stem, n)
}

// subjects returns the hosts that report in the tests.
func (d *Draft) subjects() []string {
	hosts, _ := d.several()
	return []string{d.name(d.Host, hosts, 1)}
}

// onward is the responder of the second step of a sequence.
const onward = "onward-01"

func (d *Draft) hosts() string {
	hosts, peers := d.several()
	row := func(e End, several, reports bool) string {
		how := "listed"
		if reports {
			how = "reports"
		}
		if e.External {
			how = ""
		}
		return strings.Join(strings.Fields(fmt.Sprintf("%s %s %s %s", d.name(e, several, d.AtLeast), e.Address, how, strings.Join(e.Roles, " "))), " ")
	}
	lines := []string{row(d.Host, hosts, true), row(d.Peer, peers, false)}
	if d.Kind == Sequence {
		lines = append(lines, onward+" "+free(d.Host.Address, d.Peer.Address)+" listed")
	}
	return strings.Join(lines, "\n")
}

// free returns an address other than the given ones.
func free(taken ...string) string {
	address := netip.MustParseAddr("10.1.5.77")
	for range len(taken) {
		for _, t := range taken {
			if t == address.String() {
				address = address.Next()
			}
		}
	}
	return address.String()
}

// cases returns the connections with which the rule fires, those with which it
// nearly fires, and the difference.
func (d *Draft) cases() (fires, misses, why string) {
	const start = 14*time.Hour + 30*time.Minute + 5*time.Second
	hosts, peers := d.several()
	line := func(at time.Duration, inbound bool, n int, port uint16, rest string) string {
		from, to := d.name(d.Host, hosts, n), d.name(d.Peer, peers, n)
		if inbound {
			from, to = to, from
		}
		return fmt.Sprintf("%s %s -> %s:%d %s", clock(at), from, to, port, rest)
	}
	switch d.Kind {
	case Long:
		begin := start
		if d.Length > 2*time.Hour {
			begin = time.Hour + 5*time.Second
		}
		end := begin + d.Length + d.Length/4 + 3*time.Minute
		until := "\nuntil " + clock(end+2*time.Minute)
		short := max(d.Length-time.Minute, d.Length/3)
		return line(begin, d.Inbound, 1, d.Service.Port, "for "+written(end-begin)) + until,
			line(begin, d.Inbound, 1, d.Service.Port, "for "+written(short)) + until, "it closes before"
	case Count:
		rest := "for 40s every 1s"
		return line(start, d.Inbound, d.AtLeast, d.Service.Port, rest), line(start, d.Inbound, d.AtLeast-1, d.Service.Port, rest), "one less"
	case Sequence:
		step := func(at time.Duration, port uint16) string {
			return fmt.Sprintf("%s %s -> %s:%d for 5m", clock(at), d.Host.Name, onward, port)
		}
		const later = 2 * time.Minute
		return line(start, true, 1, d.Service.Port, "for 10m") + "\n" + step(start+min(later, d.Within/2), d.Then.Port),
			step(start, d.Then.Port) + "\n" + line(start+later, true, 1, d.Service.Port, "for 10m"), "in the reverse order"
	}
	return line(start, d.Inbound, 1, d.Service.Port, "for 2m"), line(start, d.Inbound, 1, d.Service.Other, "for 2m"), "on another port"
}

// written formats a duration in whole seconds.
func written(d time.Duration) string { return d.Round(time.Second).String() }
