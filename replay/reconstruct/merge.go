package reconstruct

import (
	"container/heap"
	"iter"

	"headstart/event"
)

// Merge yields the snapshots of several feeds in order of time, and at the same
// time in the order of the feeds. A snapshot is valid until the next one of its
// host.
func Merge(feeds []*HostFeed) iter.Seq[*event.Snapshot] {
	return func(yield func(*event.Snapshot) bool) {
		q := make(queue, 0, len(feeds))
		for i, f := range feeds {
			if at, ok := f.NextAt(); ok {
				q = append(q, queued{at, i})
			}
		}
		heap.Init(&q)
		for len(q) > 0 {
			f := feeds[q[0].feed]
			if !yield(f.Next()) {
				return
			}
			if at, ok := f.NextAt(); ok {
				q[0].at = at
				heap.Fix(&q, 0)
			} else {
				heap.Pop(&q)
			}
		}
	}
}

// queue is a heap of feeds by their next poll.
type queue []queued

type queued struct {
	at   int64
	feed int
}

func (q queue) Len() int      { return len(q) }
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(any)     { panic("a feed is never added") }

func (q queue) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].feed < q[j].feed
}

func (q *queue) Pop() any {
	last := len(*q) - 1
	*q = (*q)[:last]
	return nil
}
