package scaffold

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"headstart/detect"
	"headstart/detect/firing"
	"headstart/detect/rule"
	"headstart/event"
)

// maxObservations bounds the kept observations of a connection, maxFound the
// connections.
const maxObservations, maxFound = 32, 10

// Example is a connection, or a host without one, as the rules observed it.
type Example struct {
	Connection *event.Connection // as it was at last; nil of a host that said nothing
	Host, Peer *rule.Host

	observations []rule.Observation
	opened, open bool // it was answered; and still there when it was seen
}

// Finder finds a connection by its id, or the beginning of it, in a replay.
type Finder struct {
	id, host string
	found    []*Example
	others   int // that the id can mean too
}

// NewFinder returns a finder of a connection by its id, or the beginning of it;
// with an empty id, of a host.
func NewFinder(id, host string) *Finder { return &Finder{id: strings.ToLower(id), host: host} }

// Begin observes an engine.
func (f *Finder) Begin(c *detect.Engine) { c.Observe(f.asked) }

func (f *Finder) asked(a *firing.Evaluation) {
	o := &a.Observation
	conn := o.Connection
	switch {
	case f.host != "" && (o.Host == nil || o.Host.Name != f.host):
		return
	case f.id == "":
		if len(f.found) == 0 {
			f.found = []*Example{{Host: cloned(o.Host)}}
		}
		return
	case conn == nil || !strings.HasPrefix(conn.ID.String(), f.id):
		return
	}
	at := slices.IndexFunc(f.found, func(e *Example) bool { return e.Connection.ID == conn.ID })
	if at < 0 {
		if len(f.found) == maxFound {
			f.others++
			return
		}
		at = len(f.found)
		f.found = append(f.found, new(Example))
	}
	f.found[at].add(*o)
}

// String describes the example.
func (e *Example) String() string {
	c := e.Connection
	if c == nil {
		return "host " + e.Host.Name
	}
	host, peer := c.Local.String(), c.Remote.String()
	if e.Host != nil && e.Host.Name != "" {
		host = e.Host.Name
	}
	if e.Peer != nil && e.Peer.Name != "" {
		peer = e.Peer.Name
	}
	what := fmt.Sprintf("%s -> %s:%d", host, peer, c.ServicePort())
	switch c.Direction {
	case event.Inbound:
		what = fmt.Sprintf("%s -> %s:%d", peer, host, c.ServicePort())
	case 0:
		what = fmt.Sprintf("%s, listening on %d", host, c.LocalPort)
	}
	return fmt.Sprintf("connection %s, %s on %s", c.ID, what, c.OpenedBefore.UTC().Format(time.DateOnly))
}

func (e *Example) add(o rule.Observation) {
	conn := *o.Connection
	e.Connection, e.Host, e.Peer = &conn, cloned(o.Host), cloned(o.Peer)
	e.opened = e.opened || conn.Kind == event.Opened
	e.open = e.open || conn.Kind == event.Opened && !conn.Over()
	var usual rule.Baseline
	if o.Baseline != nil {
		usual = o.Baseline(o.Connection)
	}
	o.Connection, o.Host, o.Peer = e.Connection, e.Host, e.Peer
	o.Baseline = func(*event.Connection) rule.Baseline { return usual }
	o.Fired = nil
	if len(e.observations) < maxObservations {
		e.observations = append(e.observations, o)
	}
}

func cloned(h *rule.Host) *rule.Host {
	if h == nil {
		return nil
	}
	c := *h
	c.Roles, c.Addresses = slices.Clone(h.Roles), slices.Clone(h.Addresses)
	return &c
}

// Example returns the found connection.
func (f *Finder) Example() (*Example, error) {
	switch {
	case len(f.found) == 1:
		return f.found[0], nil
	case len(f.found) == 0 && f.id == "":
		return nil, fmt.Errorf("the history has nothing of %s", f.host)
	case len(f.found) == 0:
		return nil, fmt.Errorf("no connection in the history has an id that begins with %s", f.id)
	}
	var ids []string
	for _, e := range f.found {
		ids = append(ids, e.Connection.ID.String())
	}
	slices.Sort(ids)
	return nil, &Ambiguous{f.id, ids}
}

// Ambiguous reports that several connections match an id.
type Ambiguous struct {
	ID  string
	All []string // some of them
}

// Error lists them.
func (a *Ambiguous) Error() string {
	return fmt.Sprintf("connection %s is ambiguous; give more of the id:\n  %s", a.ID, strings.Join(a.All, "\n  "))
}
