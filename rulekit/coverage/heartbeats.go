package coverage

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"headstart/event"
)

// Limits of what is remembered.
const (
	maxHosts = 100_000
	maxGaps  = 1000 // of a host
	maxPaces = 16   // of a host
)

// Host is what its heartbeats say.
type Host struct {
	Name  string
	Roles []string // when it was last heard of
	First time.Time
	Last  time.Time
	Gaps  []Gap // when nobody looked, in order
	Left  int   // gaps for which there was no room
	Paces []Pace

	interval time.Duration
}

// Gap is a time in which a host was not looked at.
type Gap struct {
	From   time.Time     `json:"from"`
	Until  time.Time     `json:"until"`
	Missed uint64        `json:"missed,omitempty"` // snapshots that were taken and are missing
	Open   bool          `json:"open,omitempty"`   // it goes on
	Every  event.Seconds `json:"interval_seconds"` // how often it should have been
}

// Pace is an interval at which a host was looked at: how often, and when first
// and last.
type Pace struct {
	Interval    time.Duration
	Looks       int
	From, Until time.Time
}

// Heartbeats notes when hosts were looked at. One goroutine uses it at a time.
type Heartbeats struct {
	hosts map[string]*Host
	Left  int // messages of hosts for which there was no room
}

// NewHeartbeats returns heartbeats of no host.
func NewHeartbeats() *Heartbeats { return &Heartbeats{hosts: map[string]*Host{}} }

// longest bounds the interval that a host says it is looked at.
const longest = 24 * time.Hour

// tolerated is how many intervals can pass between two looks: the interval is
// jittered by a fifth, so that more than two are a look that is missing.
const tolerated = 2

// See takes in a message. Those of one host come in order; what is older than
// what there was says nothing.
func (b *Heartbeats) See(c *event.Changes) {
	at, interval := c.StreamTime(c.ObservedAt), min(max(c.Interval, 0), longest)
	h := b.hosts[c.Host]
	if h == nil {
		if len(b.hosts) == maxHosts {
			b.Left++
			return
		}
		h = &Host{Name: c.Host, First: at, Last: at, interval: interval}
		b.hosts[c.Host] = h
	}
	if at.Before(h.Last) || c.Part != c.Parts {
		return
	}
	if !slices.Equal(h.Roles, c.Roles) {
		h.Roles = slices.Clone(c.Roles)
	}
	h.gap(h.Last, at, interval, Gap{Missed: c.Missed})
	h.pace(at, interval)
	h.Last, h.interval = at, interval
}

func (h *Host) gap(from, until time.Time, interval time.Duration, g Gap) {
	every := max(h.interval, interval)
	if every <= 0 || until.Sub(from) <= tolerated*every {
		return
	}
	if len(h.Gaps) == maxGaps {
		h.Left++
		return
	}
	g.From, g.Until, g.Every = from.UTC(), until.UTC(), event.Seconds(every)
	h.Gaps = append(h.Gaps, g)
}

func (h *Host) pace(at time.Time, interval time.Duration) {
	if interval <= 0 {
		return
	}
	i := slices.IndexFunc(h.Paces, func(p Pace) bool { return p.Interval == interval })
	if i < 0 {
		if len(h.Paces) == maxPaces {
			return
		}
		i = len(h.Paces)
		h.Paces = append(h.Paces, Pace{Interval: interval, From: at})
	}
	h.Paces[i].Looks++
	h.Paces[i].Until = at
}

// slowest is the longest interval at which a host was looked at.
func (h *Host) slowest() (Pace, bool) {
	if len(h.Paces) == 0 {
		return Pace{}, false
	}
	return slices.MaxFunc(h.Paces, func(a, b Pace) int { return cmp.Compare(a.Interval, b.Interval) }), true
}

// Hosts returns the hosts by name, when the history is over: of who hasn't been
// looked at for a while by then there is a gap that goes on.
func (b *Heartbeats) Hosts(until time.Time) []*Host {
	for _, h := range b.hosts {
		h.gap(h.Last, until, h.interval, Gap{Open: true})
	}
	return slices.SortedFunc(maps.Values(b.hosts), byName)
}

// Silent are the gaps of a host.
type Silent struct {
	Host    string        `json:"host"`
	Total   event.Seconds `json:"total_seconds"`
	Longest event.Seconds `json:"longest_seconds"`
	Gaps    []Gap         `json:"gaps"`
	Left    int           `json:"left,omitempty"`
}

// Silences returns the hosts that have gaps, those with most of them first: in a
// gap every rule was blind.
func Silences(hosts []*Host) []Silent {
	all := []Silent{}
	for _, h := range hosts {
		if len(h.Gaps) == 0 {
			continue
		}
		s := Silent{Host: h.Name, Gaps: h.Gaps, Left: h.Left}
		for _, g := range h.Gaps {
			length := event.Seconds(g.Until.Sub(g.From))
			s.Total += length
			s.Longest = max(s.Longest, length)
		}
		all = append(all, s)
	}
	slices.SortStableFunc(all, func(a, b Silent) int { return cmp.Compare(b.Total, a.Total) })
	return all
}
