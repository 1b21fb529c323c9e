package detect

import (
	"cmp"
	"container/heap"
	"time"

	"headstart/detect/baseline"
	"headstart/event"
)

// lesson is a connection of an edge that isn't known, which the baseline is to
// learn. Whether it is an intruder's is only certain when the reports of other
// hosts have come: it waits for them.
type lesson struct {
	Sighting baseline.Sighting
	Opened   bool // else it was tried
	Number   uint64
}

// lessons are in order of time.
type lessons []lesson

// maxLessons is how many wait; more are learnt at once.
const maxLessons = 100_000

func (l lessons) Len() int { return len(l) }
func (l lessons) Less(i, j int) bool {
	return cmp.Or(l[i].Sighting.At.Compare(l[j].Sighting.At), cmp.Compare(l[i].Number, l[j].Number)) < 0
}
func (l lessons) Swap(i, j int) { l[i], l[j] = l[j], l[i] }

// Push implements heap.Interface.
func (l *lessons) Push(x any) { *l = append(*l, x.(lesson)) }

// Pop implements heap.Interface.
func (l *lessons) Pop() any {
	last := (*l)[len(*l)-1]
	*l = (*l)[:len(*l)-1]
	return last
}

// teach teaches the baseline a connection: at once when its edge is known, for
// a host under suspicion goes on with its work, else when it is certain that
// nobody is under suspicion for it.
func (c *Correlation) teach(s baseline.Sighting, kind event.Kind, known bool) {
	one := lesson{Sighting: s, Opened: kind == event.Opened, Number: c.taught}
	if known || len(c.lessons) >= maxLessons {
		c.learnOne(&one)
		return
	}
	c.taught++
	heap.Push(&c.lessons, one)
}

// learnWaiting takes the lessons for which there is nothing to wait for any
// more. A day counts in the baseline only later than that.
func (c *Correlation) learnWaiting() {
	until := c.now.Add(-lessonWait)
	for len(c.lessons) > 0 && !c.lessons[0].Sighting.At.After(until) {
		one := heap.Pop(&c.lessons).(lesson)
		if s := &one.Sighting; !c.incidents.Suspect(nameOr(&s.Originator), s.At) && !c.incidents.Suspect(nameOr(&s.Responder), s.At) {
			c.learnOne(&one)
		}
	}
}

const lessonWait = baseline.Lateness - 10*time.Second

func (c *Correlation) learnOne(one *lesson) {
	if one.Opened {
		c.baseline.Opened(one.Sighting)
		return
	}
	c.baseline.Tried(one.Sighting)
}
