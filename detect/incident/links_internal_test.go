package incident

import (
	"testing"
	"time"

	"headstart/event"
)

// TestLinks evaluates each link of the table alone: on an incident in which
// fs-01 was reached at 14:00 and acted at 14:30, from the source 203.0.113.7.
func TestLinks(t *testing.T) {
	at := func(minutes int) time.Time {
		return time.Date(2025, 6, 5, 14, 0, 0, 0, time.UTC).Add(time.Duration(minutes) * time.Minute)
	}
	source := event.AddressFrom4(0xcb007107)
	from := func(host string, minutes int) Edge {
		return Edge{SourceHost: host, DestinationHost: "db-01", Port: 22, At: at(minutes)}
	}
	to := func(minutes int) Edge {
		return Edge{SourceHost: "desk-01", DestinationHost: "fs-01", Port: 22, At: at(minutes)}
	}
	outside := Edge{Source: source, SourceExternal: true, DestinationHost: "web-01", At: at(60)}
	attempt := to(0)
	attempt.Attempt = true
	for _, test := range []struct {
		link, name string
		edges      []Edge
		because    string // empty: the link doesn't hold
	}{
		{"actor", "goes on", []Edge{from("fs-01", 31)}, "fs-01 was reached in it 31 min before"},
		{"actor", "after a day", []Edge{from("fs-01", 30+25*60)}, ""},
		{"actor", "another host", []Edge{from("web-01", 31)}, ""},
		{"actor", "from outside", []Edge{outside}, ""},
		{"reached", "before it acted", []Edge{to(20)}, "fs-01 acted in it 10 min later"},
		{"reached", "after it acted", []Edge{to(45)}, ""},
		{"reached", "unanswered", []Edge{attempt}, ""},
		{"reached", "one of a sweep", slicesOf(to(20), sweep+1), ""},
		{"source", "the same", []Edge{outside}, "203.0.113.7 is a source of it"},
		{"source", "internal", []Edge{to(20)}, ""},
	} {
		t.Run(test.link+", "+test.name, func(t *testing.T) {
			g := New(Options{})
			i := &incident{
				ID: "i", Strong: true, KnownAt: at(0), ActiveAt: at(30), Sources: map[event.Address]time.Time{source: at(0)},
				Members: map[string]*member{"fs-01": {Part: event.Pivot, Since: at(0), ActedAt: at(30), LastAt: at(30)}},
			}
			g.index(i)
			s := &Signal{Score: 60, At: test.edges[0].At, Edges: test.edges}
			got := ""
			for _, l := range links {
				if l.name != test.link {
					continue
				}
				for _, by := range l.subjects(g, s) {
					if by.host != "" && by.host != "fs-01" {
						continue
					}
					if since, ok := l.holds(i, s, by); ok {
						got = l.because(by.String(), by.at.Sub(since))
					}
				}
			}
			if got != test.because {
				t.Errorf("because %q, want %q", got, test.because)
			}
		})
	}
}

func slicesOf(e Edge, n int) (all []Edge) {
	for range n {
		all = append(all, e)
	}
	return all
}
