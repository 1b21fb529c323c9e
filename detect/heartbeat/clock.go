package heartbeat

import "time"

// leastLeap is by how much time leaps at least.
const leastLeap = int64(2 * time.Minute)

// move moves the time on, if it isn't there yet.
func (p *Monitor) move(to int64) {
	by := to - p.now
	switch {
	case by <= 0:
		return
	case p.now == 0:
	case by > max(leastLeap, 2*int64(p.pace)):
		p.leap.from, p.leap.to = p.now, to
	default:
		p.moved += by
	}
	p.now = to
}

// without returns an event time that is past as a time without leaps. Of the
// leaps it knows the last.
func (p *Monitor) without(at int64) int64 {
	ago := p.now - at
	switch {
	case at < p.leap.from:
		ago -= p.leap.to - p.leap.from
	case at < p.leap.to:
		ago = p.now - p.leap.to
	}
	return p.moved - ago
}

func timeAt(nanoseconds int64) time.Time { return time.Unix(0, nanoseconds).UTC() }

// The times that can be told apart, in seconds since 1970: to the year 2200.
const firstSecond, lastSecond = 1, 7_258_118_400

func nanoseconds(t time.Time) int64 {
	if s := t.Unix(); s < firstSecond || s > lastSecond {
		return min(max(s, firstSecond), lastSecond) * int64(time.Second)
	}
	return t.UnixNano()
}
