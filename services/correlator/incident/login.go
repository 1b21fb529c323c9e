package incident

import (
	"slices"
	"time"
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
		list = slices.Delete(list, 0, 1)
	}
	l.To[e.DestinationHost] = list
}

// before returns the most likely way in to a host that acted: of those of the
// last two hours that of a source that came least often, the latest of them; nil
// when there is none.
func (l *logins) before(host string, acted time.Time) *Edge {
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
	chosen := *best
	chosen.Reasons = []string{"login before it"}
	return &chosen
}

func (l *logins) expire(now time.Time) {
	if now.Sub(l.SweptAt) < 10*time.Minute {
		return
	}
	l.SweptAt = now
	for host, list := range l.To {
		list = slices.DeleteFunc(list, func(e Edge) bool { return now.Sub(e.At) > loginMemory })
		if len(list) == 0 {
			delete(l.To, host)
			continue
		}
		l.To[host] = list
	}
}

// Login notes a connection by which somebody can come in, whether or not it is
// usual. One that an incident knows as an attempt has succeeded with it.
func (g *Grouper) Login(e Edge) {
	g.logins.add(&e)
	for _, i := range g.involving(e.SourceHost) {
		if s := i.Edges[e.key()]; s != nil && s.Attempt && !e.At.Before(s.At.Add(-slack)) {
			i.addEdge(&e, s.Alerted)
			i.touch(e.At)
			i.Pending = true
			g.grow(i, e.DestinationHost)
		}
	}
}
