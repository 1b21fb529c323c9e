package simulate

import "time"

// every calls do at fixed distances until the log ends, from a random moment of
// the first one on.
func (t traffic) every(period time.Duration, do func(at time.Duration)) {
	for at := t.span(0, period); at < t.calendar.end; at += period {
		do(at)
	}
}

// apart calls do at random distances until the log ends: the first after about
// that long, the next as far apart as least and, on average, mean.
func (t traffic) apart(first, mean, least time.Duration, do func(at time.Duration)) {
	for at := t.wait(first); at < t.calendar.end; at += t.wait(mean) + least {
		do(at)
	}
}

// daily calls do at or shortly after an hour of each local day.
func (t traffic) daily(hour float64, jitter time.Duration, do func(d int, at time.Duration)) {
	first, last := t.calendar.days()
	for d := first; d <= last; d++ {
		do(d, t.calendar.clock(d, hour)+t.span(0, jitter))
	}
}

// spread calls do at random moments, at a rate.
func (t traffic) spread(e rate, do func(at time.Duration)) { t.calendar.spread(t.random, e, do) }

// repeat calls do from low to high times.
func (t traffic) repeat(low, high int, do func()) {
	for range t.count(low, high) {
		do()
	}
}
