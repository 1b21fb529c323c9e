package score

import (
	"time"

	"headstart/lab/simulate"
)

// index finds the steps of intrusions that match a connection.
type index map[edge][]step

type step struct {
	intrusion int
	at, until time.Time
}

func newIndex(truth *simulate.Truth) index {
	x := index{}
	for k, t := range truth.Intrusions {
		for _, s := range t.Connections {
			if e, ok := stepEdge(s); ok {
				x[e] = append(x[e], step{k, s.At, s.Until})
			}
		}
	}
	return x
}

const (
	before = 60 * time.Second  // evidence may seem that early
	after  = 120 * time.Second // and that late, beside an interval
)

func (x index) find(c Connection, interval time.Duration) []step {
	var all []step
	for _, s := range x[edge{c.Source.Unmap(), c.Destination.Unmap(), c.Port}] {
		last := s.at.Add(interval + after)
		if s.until.After(last) {
			last = s.until
		}
		if !c.At.Before(s.at.Add(-before)) && !c.At.After(last) {
			all = append(all, s)
		}
	}
	return all
}
