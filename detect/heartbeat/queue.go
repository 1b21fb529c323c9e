package heartbeat

import (
	"cmp"
	"container/heap"
	"slices"
)

// queue has the hosts by when they are due, the first first: a heap.
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

// sortByDue sorts changes by when they were due, and then by name.
func sortByDue(changes []Change, due []int64) {
	type one struct {
		Change
		due int64
	}
	all := make([]one, len(changes))
	for i, c := range changes {
		all[i] = one{c, due[i]}
	}
	slices.SortFunc(all, func(a, b one) int {
		return cmp.Or(cmp.Compare(a.due, b.due), cmp.Compare(a.Host, b.Host), cmp.Compare(a.Stage, b.Stage), cmp.Compare(a.Silence, b.Silence))
	})
	for i := range all {
		changes[i] = all[i].Change
	}
}
