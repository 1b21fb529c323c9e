package coverage

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"headstart/event"
)

// Limits.
const (
	maxHosts = 100_000
	maxGaps  = 1000 // of a host
	maxPaces = 16   // of a host
)

// Host is the history of polls of a host.
type Host struct {
	Name  string
	Roles []string // at the last poll
	First time.Time
	Last  time.Time
	Gaps  []Gap // without a poll, in order
	Left  int   // gaps beyond the limit
	Paces []Pace

	interval time.Duration
}

// Gap is a period without a poll of a host.
type Gap struct {
	From   time.Time     `json:"from"`
	Until  time.Time     `json:"until"`
	Missed uint64        `json:"missed,omitempty"` // taken, and lost
	Open   bool          `json:"open,omitempty"`   // until the end
	Every  event.Seconds `json:"interval_seconds"` // the interval that was due
}

// Pace is a polling interval of a host, with its number of polls and its period.
type Pace struct {
	Interval    time.Duration
	Polls       int
	From, Until time.Time
}

// Heartbeats records the polls of hosts. One goroutine uses it at a time.
type Heartbeats struct {
	hosts map[string]*Host
	Left  int // messages of hosts beyond the limit
}

// NewHeartbeats returns empty heartbeats.
func NewHeartbeats() *Heartbeats { return &Heartbeats{hosts: map[string]*Host{}} }

// longest bounds the interval that a host declares.
const longest = 24 * time.Hour

// tolerated is the number of intervals between two polls without a gap: the jitter
// is a fifth, so that more than two mean a missing poll.
const tolerated = 2

// See records a message. It ignores one that is older than the last of its host.
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
	h.Paces[i].Polls++
	h.Paces[i].Until = at
}

// slowest returns the longest polling interval of a host.
func (h *Host) slowest() (Pace, bool) {
	if len(h.Paces) == 0 {
		return Pace{}, false
	}
	return slices.MaxFunc(h.Paces, func(a, b Pace) int { return cmp.Compare(a.Interval, b.Interval) }), true
}

// Hosts returns the hosts by name at the end of the history, with an open gap for
// hosts that were not polled at the end.
func (b *Heartbeats) Hosts(until time.Time) []*Host {
	for _, h := range b.hosts {
		h.gap(h.Last, until, h.interval, Gap{Open: true})
	}
	return slices.SortedFunc(maps.Values(b.hosts), byName)
}

// Silent is a host with gaps.
type Silent struct {
	Host    string        `json:"host"`
	Total   event.Seconds `json:"total_seconds"`
	Longest event.Seconds `json:"longest_seconds"`
	Gaps    []Gap         `json:"gaps"`
	Left    int           `json:"left,omitempty"`
}

// Silences returns the hosts with gaps, the longest total first.
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
