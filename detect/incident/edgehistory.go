package incident

import (
	"slices"
	"time"

	"headstart/event"
)

// edgeHistory keeps the unusual edges of the last days, whether or not an alert
// was raised on them: when a host comes under suspicion, they show how it was
// reached and where it went since.
type edgeHistory struct {
	From, To map[string][]*Edge // by host, in order of time
	Count    int
	Dropped  int
	SweptAt  time.Time
}

const (
	historyPerHost = 256
	historyTotal   = 200_000
)

func newEdgeHistory() edgeHistory {
	return edgeHistory{From: map[string][]*Edge{}, To: map[string][]*Edge{}}
}

func (t *edgeHistory) add(e *Edge) {
	if t.Count >= historyTotal {
		t.Dropped++
		return
	}
	kept := *e
	t.Count++
	t.From[e.SourceHost] = t.insert(t.From[e.SourceHost], &kept)
	t.To[e.DestinationHost] = t.insert(t.To[e.DestinationHost], &kept)
}

// insert puts an edge where its time says; of one step that repeats, only the
// first and the last are kept.
func (t *edgeHistory) insert(list []*Edge, e *Edge) []*Edge {
	n, same := len(list), 0
	for n > 0 && list[n-1].At.After(e.At) {
		n--
	}
	for _, other := range list {
		if other.key() == e.key() && other.Attempt == e.Attempt {
			same++
		}
	}
	switch {
	case same >= 4:
		return list
	case len(list) >= historyPerHost:
		t.Dropped++
		list = slices.Delete(list, 0, 1)
		n = max(0, n-1)
	}
	return slices.Insert(list, n, e)
}

// sweeps reports whether an edge is one of many alike from the same host.
func (t *edgeHistory) sweeps(e *Edge) bool {
	n := 0
	for _, other := range t.From[e.SourceHost] {
		if other.Port == e.Port && e.At.Sub(other.At).Abs() < sweepMemory {
			n++
		}
	}
	return n > sweep
}

func (t *edgeHistory) expire(now time.Time) {
	if now.Sub(t.SweptAt) < time.Hour {
		return
	}
	t.SweptAt = now
	// An edge must not be there or not by when this happens to be called.
	old := func(e *Edge) bool { return now.Sub(e.At) > memory+2*time.Hour }
	t.Count = 0
	for _, lists := range []map[string][]*Edge{t.From, t.To} {
		for host, list := range lists {
			if list = slices.DeleteFunc(list, old); len(list) == 0 {
				delete(lists, host)
			} else {
				lists[host] = list
			}
		}
	}
	for _, list := range t.From {
		t.Count += len(list)
	}
}

// correlate adds to an incident what the edge history shows of a host: where it went since
// it was reached, and, when nothing says how it was reached, what came before
// it acted. Each host that is new to the incident is correlated in turn. It
// returns all of them.
func (g *Grouper) correlate(i *incident, hosts ...string) (followed []string) {
	seen := map[string]bool{}
	for len(hosts) > 0 {
		host := hosts[0]
		hosts = hosts[1:]
		m := i.Members[host]
		if m == nil || seen[host] || m.Part < event.Target || len(i.Members) > maxCorrelated {
			continue
		}
		seen[host] = true
		followed = append(followed, host)
		for _, e := range g.history.From[host] {
			if e.At.Before(m.Since.Add(-slack)) || e.At.Sub(m.Since) > memory || m.Swept && e.At.Sub(m.Since) > sweepMemory {
				continue
			}
			if e.Minor && !i.between(e.SourceHost, e.DestinationHost) {
				continue
			}
			if i.addEdge(e, false) && !e.Attempt {
				hosts = append(hosts, e.DestinationHost)
			}
		}
		for _, e := range g.logins.rare(i, host) {
			e := *e
			e.Reasons = []string{rarelyUsed}
			if i.addEdge(&e, false) {
				hosts = append(hosts, e.DestinationHost)
			}
		}
		if !m.acted() || i.reached(host, m.ActedAt) {
			continue
		}
		before := g.history.To[host]
		for n := len(before) - 1; n >= 0; n-- {
			e := before[n]
			if e.Attempt || e.Minor || e.At.After(m.ActedAt.Add(slack)) || m.ActedAt.Sub(e.At) > approach || g.history.sweeps(e) {
				continue
			}
			if i.addEdge(e, false) && !e.SourceExternal {
				hosts = append(hosts, e.SourceHost)
			}
			break
		}
		if !i.reached(host, m.ActedAt) {
			if e := g.logins.before(host, m.ActedAt, g.history.sweeps); e != nil && i.addEdge(e, false) {
				// It is how others are reached too: it says little of its source.
				if from := i.Members[e.SourceHost]; from != nil && from.LastAt.Equal(e.At) {
					from.Swept, from.OnlyBefore = true, true
				}
			}
		}
	}
	return followed
}

// maxCorrelated is from how many hosts an incident doesn't grow by what is only
// unusual.
const maxCorrelated = 60

// reached reports whether a step says how a host was reached before it acted.
func (i *incident) reached(host string, acted time.Time) bool {
	for k, s := range i.Edges {
		if k.To == host && !s.Attempt && !i.sweeping(k.From, k.Port) && !s.At.After(acted.Add(slack)) && acted.Sub(s.At) <= memory {
			return true
		}
	}
	return false
}
