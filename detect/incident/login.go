package incident

import (
	"cmp"
	"slices"
	"time"

	"headstart/event"
)

// logins are the last connections to each host by which somebody can have come
// in, usual or not. When a host acts that nothing unusual leads to, one of them
// was it.
type logins struct {
	To      map[string][]Edge // by host, in order of time
	SweptAt time.Time
}

const (
	loginMemory   = 2 * time.Hour
	loginsPerHost = 64
)

func newLogins() logins { return logins{To: map[string][]Edge{}} }

func (l *logins) add(e *Edge) {
	list := l.To[e.DestinationHost]
	n := len(list)
	for n > 0 && list[n-1].At.After(e.At) {
		n--
	}
	list = slices.Insert(list, n, *e)
	if len(list) > loginsPerHost {
		oldest := max(0, slices.IndexFunc(list, func(e Edge) bool { return !e.First }))
		list = slices.Delete(list, oldest, oldest+1)
	}
	l.To[e.DestinationHost] = list
}

// before returns the most likely way in to a host that acted: of those of the
// last two hours that of a source that came least often, the latest of them,
// unless one of the last day had never been used before and is not one of a
// sweep; nil when there is none.
func (l *logins) before(host string, acted time.Time, sweeps func(*Edge) bool) *Edge {
	best := l.recent(host, acted)
	if best == nil || !best.First {
		for n := range l.To[host] {
			if e := &l.To[host][n]; e.First && !e.At.After(acted.Add(slack)) && acted.Sub(e.At) <= approach && !sweeps(e) {
				best = e
			}
		}
	}
	if best == nil {
		return nil
	}
	chosen := *best
	chosen.Reasons = []string{"login before it"}
	return &chosen
}

// recent is before, of the last two hours alone.
func (l *logins) recent(host string, acted time.Time) *Edge {
	times := map[string]int{}
	var best *Edge
	list := l.To[host]
	for n := range list {
		if e := &list[n]; !e.At.After(acted.Add(slack)) && acted.Sub(e.At) <= loginMemory {
			times[e.SourceHost]++
			if best == nil || times[e.SourceHost] <= times[best.SourceHost] {
				best = e
			}
		}
	}
	if best == nil {
		return nil
	}
	for n := range list {
		e := &list[n]
		if times[e.SourceHost] > 0 && times[e.SourceHost] < times[best.SourceHost] && !e.At.After(acted.Add(slack)) && acted.Sub(e.At) <= loginMemory {
			best = e
		}
	}
	return best
}

func (l *logins) expire(now time.Time) {
	if now.Sub(l.SweptAt) < 10*time.Minute {
		return
	}
	l.SweptAt = now
	for host, list := range l.To {
		list = slices.DeleteFunc(list, func(e Edge) bool { return now.Sub(e.At) > e.loginMemory() })
		if len(list) == 0 {
			delete(l.To, host)
			continue
		}
		l.To[host] = list
	}
}

// loginMemory is for how long a login is kept.
func (e *Edge) loginMemory() time.Duration {
	if e.First {
		return approach + 2*time.Hour
	}
	return loginMemory
}

// rarelyUsed is why a login is a step.
const rarelyUsed = "seldom used, soon after"

// onwardMemory is for how long after it was reached what a host does that it
// seldom does is taken for the attacker's.
const onwardMemory = 2 * time.Hour

// Login notes a connection by which somebody can come in, whether or not it is
// usual. It is a step of an incident when the incident knows it as an attempt,
// or when it is seldom used and leaves from a host that the incident is about,
// soon after something happened there.
func (g *Grouper) Login(e Edge) {
	g.logins.add(&e)
	for _, i := range g.involving(e.SourceHost) {
		s, m := i.Edges[e.key()], i.Members[e.SourceHost]
		switch {
		case s != nil && s.Attempt && !e.At.Before(s.At.Add(-slack)):
			i.addEdge(&e, s.Alerted)
		case s == nil && e.Rare && i.onward(m, e.At):
			e.Reasons = []string{rarelyUsed}
			i.addEdge(&e, false)
		default:
			continue
		}
		i.touch(e.At, e.At)
		i.Pending = true
		g.expand(i, e.DestinationHost)
	}
}

// rare returns the seldom used logins from a host that are an incident's.
func (l *logins) rare(i *incident, host string) (all []*Edge) {
	m := i.Members[host]
	for _, list := range l.To {
		for n := range list {
			if e := &list[n]; e.SourceHost == host && e.Rare && i.Edges[e.key()] == nil && i.onward(m, e.At) {
				all = append(all, e)
			}
		}
	}
	slices.SortFunc(all, func(a, b *Edge) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.DestinationHost, b.DestinationHost), cmp.Compare(a.Port, b.Port))
	})
	return all
}

// onward reports whether what a host does at a time that it seldom does is
// likely to be the attacker's: the incident rests on more than a weak sign, and
// the host was reached, or acted, not long before.
func (i *incident) onward(m *member, at time.Time) bool {
	if !i.Strong || i.KnownAt.IsZero() || i.State >= event.IncidentQuiet || m.Part < event.Target || m.Swept {
		return false
	}
	return !at.Before(m.Since.Add(-slack)) && at.Sub(m.LastAt) <= onwardMemory
}
