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

// Exception is what is said of one besides its condition.
type Exception struct {
	Owner, Reason string
	Expires       time.Time // the last day on which it counts
}

// Except returns a file that keeps a rule from firing on what is like an example,
// as narrowly as it can be said: the same host, the same other end, the same
// service. Of a count whose other ends differ it leaves them out.
func Except(r *rule.Rule, e *Example, x Exception) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Made of %s.\n", term.Plain(e.String()))
	if countsPeers(r) || countsHosts(r) {
		b.WriteString("# The rule counts several: to leave out one of them would change nothing.\n")
	}
	fmt.Fprintf(&b, "override: %s\nunless:\n  - when: |\n      %s\n    owner: %s\n    reason: %s\n    expires: %s\n",
		r.ID, strings.Join(narrowest(r, e), "\n      and "), quoted(x.Owner), quoted(x.Reason), x.Expires.Format(time.DateOnly))
	return b.String()
}

// narrowest are the terms of the exception's condition. Of a connection between
// two hosts with pollers both ends report, and a pattern takes what either says:
// so it is said of both.
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

// view is a connection as one end sees it, without what the rule counts.
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

// countsHosts reports whether a rule counts the hosts that report.
func countsHosts(r *rule.Rule) bool {
	return r.Count != nil && (strings.Contains(r.Count.Of, "host.") || strings.Contains(r.Count.Of, "conn.originator"))
}

// countsPeers reports whether a rule is about one host that reaches several: one
// of them alone left out changes nothing.
func countsPeers(r *rule.Rule) bool {
	if r.Count == nil {
		return false
	}
	of := r.Count.Of
	return strings.Contains(of, "conn.peer") || strings.Contains(of, "conn.responder") || strings.Contains(of, "conn.service") || strings.Contains(of, "peer.")
}

// countsServices reports the same of services.
func countsServices(r *rule.Rule) bool {
	return r.Count != nil && (strings.Contains(r.Count.Of, "conn.port") || strings.Contains(r.Count.Of, "conn.service"))
}

// Holds reports whether the exception of a rule that is in a file holds on the
// example, as it was seen.
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
