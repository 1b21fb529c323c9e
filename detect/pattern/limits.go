package pattern

import "time"

// Limits bound what patterns remember. Those that are zero have their default.
type Limits struct {
	Lateness time.Duration // by how much matches of a later snapshot can come before; 5 min
	Age      time.Duration // how old a connection can be at its match for order not to matter; 1 h
	Interval time.Duration // between two snapshots, where a match doesn't say; 30 s

	Keys          int // of one rule; 10,000
	Matches       int // of one rule in all its keys; 100,000
	MatchesPerKey int // 8,192, which is also the most: a count of 4,096 connections that both ends report
	Edges         int // of one path rule; 50,000
	EdgesPerHost  int // of one path rule that leave from a host, or arrive at it; 1,000
	Fired         int // ids of one rule that are not fired again; 50,000
}

// maxMatchesPerKey keeps sums of thousandths of 10^12 within 63 bits.
const maxMatchesPerKey = 8192

func (l Limits) withDefaults() Limits {
	for _, d := range []struct {
		to *time.Duration
		is time.Duration
	}{{&l.Lateness, 5 * time.Minute}, {&l.Age, time.Hour}, {&l.Interval, 30 * time.Second}} {
		if *d.to <= 0 {
			*d.to = d.is
		}
	}
	for _, d := range []struct {
		to *int
		is int
	}{{&l.Keys, 10_000}, {&l.Matches, 100_000}, {&l.MatchesPerKey, maxMatchesPerKey}, {&l.Edges, 50_000}, {&l.EdgesPerHost, 1000}, {&l.Fired, 50_000}} {
		if *d.to <= 0 {
			*d.to = d.is
		}
	}
	l.MatchesPerKey = min(l.MatchesPerKey, maxMatchesPerKey)
	return l
}

// withinOf returns a rule's Within in nanoseconds, of 100 days at most.
func withinOf(d time.Duration) int64 { return int64(min(max(d, 0), 2400*time.Hour)) }

// horizon is for how long before the newest snapshot of a key, or of the
// stream, a match can count in a window of that length.
func (l *Limits) horizon(within int64) int64 {
	return within + int64(l.Lateness) + int64(l.Age)
}

// Dropped counts what caps have dropped.
type Dropped struct {
	Keys    int // with all their matches
	Matches int // of a key that had too many
	Edges   int // of a path
	Chains  int // ways to an edge that were not followed, there were so many
	Fired   int // ids that can be fired again
}

// Total returns the sum of all that was dropped.
func (d Dropped) Total() int { return d.Keys + d.Matches + d.Edges + d.Chains + d.Fired }
