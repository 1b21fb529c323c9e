package baseline

import (
	"fmt"
	"math"
	"time"

	"github.com/DataDog/sketches-go/ddsketch"
	"github.com/DataDog/sketches-go/ddsketch/mapping"
	"github.com/DataDog/sketches-go/ddsketch/store"
)

// accuracy is that of quantiles, relative to the value.
const accuracy = 0.05

// sketch is a quantile sketch; the zero one is empty.
type sketch struct{ s *ddsketch.DDSketch }

// scale is the mapping of values to bins that all sketches have.
func scale() mapping.IndexMapping {
	m, err := mapping.NewLogarithmicMapping(accuracy)
	if err != nil {
		panic(err) // the accuracy is a constant between 0 and 1
	}
	return m
}

func newStore() store.Store { return store.NewBufferedPaginatedStore() }

func (q *sketch) add(value float64) {
	if q.s == nil {
		q.s = ddsketch.NewDDSketch(scale(), newStore(), newStore())
	}
	// It refuses only values beyond what a duration or a count can be.
	_ = q.s.Add(min(max(value, 0), math.MaxInt32))
}

func (q *sketch) count() int {
	if q.s == nil {
		return 0
	}
	return int(q.s.GetCount())
}

func (q *sketch) quantile(p float64) float64 {
	if q.s == nil {
		return 0
	}
	v, err := q.s.GetValueAtQuantile(p)
	if err != nil {
		return 0
	}
	return v
}

func (q *sketch) save() []byte {
	if q.s == nil {
		return nil
	}
	var b []byte
	q.s.Encode(&b, true)
	return b
}

func restoreSketch(b []byte) (q sketch, err error) {
	if b == nil {
		return q, nil
	}
	if q.s, err = ddsketch.DecodeDDSketch(b, newStore, scale()); err != nil {
		return q, fmt.Errorf("restore quantiles: %w", err)
	}
	return q, nil
}

// lengths is how long connections live.
type lengths struct{ sketch }

func (l *lengths) add(d time.Duration) { l.sketch.add(d.Seconds()) }

func (l *lengths) at(p float64) time.Duration {
	return time.Duration(l.quantile(p) * float64(time.Second))
}

// fanout is how many responders an originator reaches in an hour. The newest
// two hours are open: reports of them may still come.
type fanout struct {
	hourly sketch
	open   [2]hourOf // newest first
}

// hourOf is who was reached in one hour.
type hourOf struct {
	hour  int64 // unix time / 3600; zero: none
	peers []id  // up to [fewPeers]
	many  map[id]struct{}
}

const (
	fewPeers = 16
	maxPeers = 4096
)

func (h *hourOf) add(peer id) {
	if h.many != nil {
		if len(h.many) < maxPeers {
			h.many[peer] = struct{}{}
		}
		return
	}
	for _, p := range h.peers {
		if p == peer {
			return
		}
	}
	if len(h.peers) < fewPeers {
		h.peers = append(h.peers, peer)
		return
	}
	h.many = make(map[id]struct{}, 2*fewPeers)
	for _, p := range h.peers {
		h.many[p] = struct{}{}
	}
	h.many[peer] = struct{}{}
	h.peers = nil
}

func (h *hourOf) len() int { return max(len(h.peers), len(h.many)) }

func (f *fanout) add(peer id, unix int64) {
	hour := unix / 3600
	switch {
	case hour == f.open[0].hour:
		f.open[0].add(peer)
	case hour > f.open[0].hour:
		f.settle(1)
		f.open[1] = f.open[0]
		f.open[0] = hourOf{hour: hour}
		f.open[0].add(peer)
	case hour == f.open[1].hour:
		f.open[1].add(peer)
	}
}

func (f *fanout) settle(i int) {
	if f.open[i].hour != 0 {
		f.hourly.add(float64(f.open[i].len()))
	}
	f.open[i] = hourOf{}
}

// normal returns how many were reached in 99 of 100 hours before the one of a
// moment, and how many in that.
func (f *fanout) normal(at time.Time) (p99 float64, now int) {
	hour := at.Unix() / 3600
	before := at.Add(-Lateness).Unix() / 3600
	most := 0
	for i := range f.open {
		h := &f.open[i]
		switch {
		case h.hour == hour:
			now = h.len()
		case h.hour != 0 && h.hour < before:
			most = max(most, h.len())
		}
	}
	// The few hours that are open still count by their largest: with hundreds
	// before them it makes no difference, with none it is all there is.
	return max(f.hourly.quantile(0.99), float64(most)), now
}

func (f *fanout) last() int64 { return f.open[0].hour * 3600 }
