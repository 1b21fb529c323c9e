package detect

import (
	"cmp"
	"container/heap"
	"time"

	"headstart/detect/baseline"
	"headstart/event"
)

// postponed is a connection of an unknown edge that the baseline has to learn.
// Whether it is the attacker's is certain only when the reports of other hosts
// have come: it waits for them.
type postponed struct {
	Sighting baseline.Sighting
	Opened   bool // else it was tried
	Number   uint64
}

// postponedQueue are in order of time.
type postponedQueue []postponed

// maxPostponed is how many can wait; more are learned at once.
const maxPostponed = 100_000

func (l postponedQueue) Len() int { return len(l) }
func (l postponedQueue) Less(i, j int) bool {
	return cmp.Or(l[i].Sighting.At.Compare(l[j].Sighting.At), cmp.Compare(l[i].Number, l[j].Number)) < 0
}
func (l postponedQueue) Swap(i, j int) { l[i], l[j] = l[j], l[i] }

// Push implements heap.Interface.
func (l *postponedQueue) Push(x any) { *l = append(*l, x.(postponed)) }

// Pop implements heap.Interface.
func (l *postponedQueue) Pop() any {
	last := (*l)[len(*l)-1]
	*l = (*l)[:len(*l)-1]
	return last
}

// learnLater adds a connection to the baseline: at once when its edge is known, for
// a host under suspicion goes on with its work, else when it is certain that neither
// end is under suspicion for it.
func (c *Engine) learnLater(s baseline.Sighting, kind event.Kind, known bool) {
	one := postponed{Sighting: s, Opened: kind == event.Opened, Number: c.postponedCount}
	if known || len(c.postponed) >= maxPostponed {
		c.learnNow(&one)
		return
	}
	c.postponedCount++
	heap.Push(&c.postponed, one)
}

// learnPostponed learns the connections that have waited long enough. A day counts in the baseline only later than that.
func (c *Engine) learnPostponed() {
	until := c.now.Add(-learnDelay)
	for len(c.postponed) > 0 && !c.postponed[0].Sighting.At.After(until) {
		one := heap.Pop(&c.postponed).(postponed)
		if s := &one.Sighting; !c.incidents.Suspect(nameOr(&s.Originator), s.At) && !c.incidents.Suspect(nameOr(&s.Responder), s.At) {
			c.learnNow(&one)
		}
	}
}

const learnDelay = baseline.Lateness - 10*time.Second

func (c *Engine) learnNow(one *postponed) {
	if one.Opened {
		c.baseline.Opened(one.Sighting)
		return
	}
	c.baseline.Attempted(one.Sighting)
}
