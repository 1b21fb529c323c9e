package heartbeat

import (
	"cmp"
	"container/heap"
	"slices"
)

// queue is a heap of the hosts, by when they are due.
type queue []*host

// Len implements heap.Interface.
func (q queue) Len() int { return len(q) }

// Less implements heap.Interface.
func (q queue) Less(i, j int) bool { return q[i].due < q[j].due }

// Swap implements heap.Interface.
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].place, q[j].place = i, j
}

// Push implements heap.Interface.
func (q *queue) Push(x any) {
	h := x.(*host)
	h.place = len(*q)
	*q = append(*q, h)
}

// Pop implements heap.Interface.
func (q *queue) Pop() any {
	last := len(*q) - 1
	h := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return h
}

func (q *queue) fix(h *host)    { heap.Fix(q, h.place) }
func (q *queue) remove(h *host) { heap.Remove(q, h.place) }

// sortByDue sorts silences by when they were due, then by host and duration.
func sortByDue(silences []Silence, due []int64) {
	type entry struct {
		Silence
		due int64
	}
	all := make([]entry, len(silences))
	for i, s := range silences {
		all[i] = entry{s, due[i]}
	}
	slices.SortFunc(all, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.due, b.due), cmp.Compare(a.Host, b.Host), cmp.Compare(a.Duration, b.Duration))
	})
	for i := range all {
		silences[i] = all[i].Silence
	}
}
