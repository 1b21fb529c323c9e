package lint

import (
	"net/netip"
	"time"
	"unicode"

	"headstart/detect/rule"
	"headstart/event"
	"headstart/yamlsrc"
)

// differByALetter reports whether two ids are one slip of a finger apart.
// Numbers are counted on purpose.
func differByALetter(a, b string) bool {
	for a != "" && b != "" && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for a != "" && b != "" && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	for _, r := range a + b {
		if unicode.IsDigit(r) {
			return false
		}
	}
	switch {
	case len(a)+len(b) == 0, len(a) > 2 || len(b) > 2:
		return false
	case len(a) <= 1 && len(b) <= 1:
		return true
	}
	return len(a) == 2 && len(b) == 2 && a[0] == b[1] && a[1] == b[0]
}

// everything looks for rules that fire on each of many connections that have
// nothing in common, but that they opened.
func (l *linter) everything() {
	evaluator, fired, total := rule.NewEvaluator(l.set), map[string]int{}, 0
	for o := range differentConnections {
		total++
		for _, result := range evaluator.Evaluate(o) {
			if result.Wait == 0 && result.Err == nil && !result.Rule.IsPattern() {
				fired[result.Rule.ID]++
			}
		}
	}
	for _, f := range l.rules {
		when := yamlsrc.Field(f.root, "when")
		if when == nil || !l.isActive(f) || fired[f.id] < total {
			continue
		}
		said := false
		for _, e := range f.Diagnostics {
			said = said || e.Code == firesOnEverything
		}
		if !said {
			f.warn(firesOnEverything, when, "the rule fires on every connection that opens; it fires on all of %d unrelated synthetic connections", total)
		}
	}
}

// differentConnections yields connections that open: in both directions, with
// many services, near and far, of hosts with roles and without, usual and not.
func differentConnections(yield func(rule.Observation) bool) {
	at := time.Date(2026, time.March, 4, 3, 0, 0, 0, time.UTC)
	hosts := []*rule.Host{{Name: "web-01", Roles: []string{"web"}, Reports: true}, {Name: "laptop-7", Roles: []string{"workstation"}}, {Name: "box"}}
	usual := rule.Baseline{Known: true, Days: 30, PerDay: 100, HourUsual: true, Prevalence: 1, Length: rule.UsualLength{P50: time.Second, P99: time.Minute, Count: 1000}}
	for n := range 240 {
		c := event.Connection{
			Kind: event.Opened, State: event.Established, Direction: event.Outbound, DirectionFrom: event.FromHandshake,
			Local: addressOf("10.1.1.10"), Remote: addressOf([]string{"10.1.5.10", "203.0.113.9", "fd00::7", "2001:db8::1"}[n%4]),
			LocalPort: uint16(40000 + n), RemotePort: []uint16{22, 443, 445, 5432, 50123}[n%5], UID: uint32(n % 3 * 1000),
			OpenedAfter: at.Add(time.Duration(n) * 7 * time.Hour), Reason: 0,
		}
		c.OpenedBefore = c.OpenedAfter.Add(30 * time.Second)
		c.SeenUntil = c.OpenedBefore
		if n/2%2 == 0 {
			c.Direction, c.LocalPort, c.RemotePort = event.Inbound, c.RemotePort, c.LocalPort
		}
		o := rule.Observation{Connection: &c, At: c.OpenedBefore.Add(time.Duration(n%3) * time.Hour), Host: hosts[n%3], Peer: hosts[(n/3)%3]}
		if n/4%2 == 0 {
			o.Baseline = func(*event.Connection) rule.Baseline { return usual }
		}
		if n%7 == 0 {
			o.Peer = nil
		}
		if !yield(o) {
			return
		}
	}
}

func addressOf(text string) event.Address { return event.AddressFrom(netip.MustParseAddr(text)) }
