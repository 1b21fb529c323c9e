package scaffold

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"headstart/detect/rule"
	"headstart/detect/rule/explain"
	"headstart/event"
	"headstart/term"
)

// Exception holds the fields of an exception besides its condition.
type Exception struct {
	Owner, Reason string
	Expires       time.Time // last day
}

// Except returns an override with an exception for connections like an example, as
// narrow as possible: the same host, peer and service. For a rule that counts peers
// it omits the peer.
func Except(r *rule.Rule, e *Example, x Exception) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# From %s.\n", term.Plain(e.String()))
	if countsPeers(r) || countsHosts(r) {
		b.WriteString("# The rule counts several hosts or services: excluding one would have no effect.\n")
	}
	fmt.Fprintf(&b, "override: %s\nunless:\n  - when: |\n      %s\n    owner: %s\n    reason: %s\n    expires: %s\n",
		r.ID, strings.Join(narrowest(r, e), "\n      and "), quoted(x.Owner), quoted(x.Reason), x.Expires.Format(time.DateOnly))
	return b.String()
}

// narrowest returns the terms of the exception's condition. Both ends of a
// connection between monitored hosts report it, and a pattern uses either report:
// the condition covers both.
func narrowest(r *rule.Rule, e *Example) []string {
	own := "host.name == " + strconv.Quote(e.Host.Name)
	c := e.Connection
	switch {
	case c == nil || r.Absent != nil && r.Absent.Of == rule.MissingPoller:
		return []string{own}
	case c.Kind == event.Listening || c.Kind == event.StoppedListening:
		return []string{own, fmt.Sprintf("conn.local_port == %d", c.LocalPort)}
	}
	other := fmt.Sprintf("conn.peer == %q", c.Remote.String())
	known := e.Peer != nil && e.Peer.Name != ""
	if known {
		other = "peer.name == " + strconv.Quote(e.Peer.Name)
	}
	inbound := c.Direction == event.Inbound
	seen := view(own, other, inbound, r)
	all := []string{strings.Join(seen, "\n      and ")}
	if known && e.Peer.Reports && !countsHosts(r) {
		back := view("host.name == "+strconv.Quote(e.Peer.Name), "peer.name == "+strconv.Quote(e.Host.Name), !inbound, r)
		all = []string{fmt.Sprintf("(%s or %s)", strings.Join(seen, " and "), strings.Join(back, " and "))}
	}
	if !countsServices(r) {
		all = append(all, fmt.Sprintf("conn.port == %d", c.ServicePort()))
	}
	return all
}

// view returns the terms for a connection from one end, without what the rule
// counts.
func view(own, other string, inbound bool, r *rule.Rule) (terms []string) {
	direction := fmt.Sprintf("conn.direction == %q", event.Outbound.String())
	if inbound {
		direction = fmt.Sprintf("conn.direction == %q", event.Inbound.String())
	}
	if !countsHosts(r) && !(inbound && countsPeers(r)) {
		terms = append(terms, own)
	}
	terms = append(terms, direction)
	if inbound || !countsPeers(r) {
		terms = append(terms, other)
	}
	return terms
}

// countsHosts reports whether a rule counts originating hosts.
func countsHosts(r *rule.Rule) bool {
	return r.Count != nil && (strings.Contains(r.Count.Of, "host.") || strings.Contains(r.Count.Of, "conn.originator"))
}

// countsPeers reports whether a rule counts the peers of one host: excluding one of
// them would have no effect.
func countsPeers(r *rule.Rule) bool {
	if r.Count == nil {
		return false
	}
	of := r.Count.Of
	return strings.Contains(of, "conn.peer") || strings.Contains(of, "conn.responder") || strings.Contains(of, "conn.service") || strings.Contains(of, "peer.")
}

// countsServices reports whether a rule counts services.
func countsServices(r *rule.Rule) bool {
	return r.Count != nil && (strings.Contains(r.Count.Of, "conn.port") || strings.Contains(r.Count.Of, "conn.service"))
}

// Holds reports whether the exception in a file matches the example.
func (e *Example) Holds(set *rule.Set, r *rule.Rule, file string) bool {
	at := slices.IndexFunc(r.Unless, func(x *rule.Exception) bool { return x.File == file })
	if at < 0 {
		return false
	}
	explainer := explain.New(set)
	seen := e.observations
	if len(seen) == 0 {
		seen = []rule.Observation{{Host: e.Host}}
	}
	for _, o := range seen {
		if explainer.Explain(r, 0, o).Exceptions[at].Condition.Holds {
			return true
		}
	}
	return false
}
