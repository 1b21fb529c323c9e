package simulate

import (
	"slices"
	"time"
)

// worm goes on by itself: every host that it has taken looks for others at
// once, so that it is in many places at the same time.
func (i *intruder) worm() {
	port := pick(i.r, []uint16{22, 445, 445, 3389})
	most := i.r.count(6, 22)
	for n := 0; n < len(i.held) && len(i.held) < most; n++ {
		from := i.held[n]
		at := i.taken[from] + i.r.span(4*time.Second, 2*time.Minute)
		gap := i.r.span(20*time.Millisecond, 3*time.Second)
		for _, h := range some(i.r, i.c.hosts, i.r.count(8, 40)) {
			at += i.r.wait(gap)
			if len(i.held) >= most || at > i.until || from.down(at) {
				break
			}
			if h == from || slices.Contains(i.held, h) {
				continue
			}
			i.at = at
			if h.down(at) || !h.listens(port) || i.c.filtered(from, h, port) || i.r.chance(0.7) {
				s := i.c.probe(i.r, from, h, port)
				i.do("scan", established(s), func() { i.c.call(i.r, at, from, h, port, s) })
				continue
			}
			row := len(i.c.rows)
			i.do("move", true, func() {
				i.c.call(i.r, at, from, h, port, session{lasts: i.r.around(20*time.Second, 0.8), ends: pick(i.r, []ending{byOriginator, byResponder, abortedByOrigin}), up: i.r.amount(3e6, 0.5), down: i.r.amount(20e3, 0.5)})
			})
			if len(i.c.rows) > row && i.c.rows[row].established() {
				i.settle(from, h, port)
				i.take(h)
			}
		}
		i.used[from] = at
	}
}
