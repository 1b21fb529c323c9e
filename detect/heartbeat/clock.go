package heartbeat

import "time"

// minJump is the smallest step of time that is a jump.
const minJump = int64(2 * time.Minute)

// move moves the time on, if it isn't there yet.
func (m *Monitor) move(to int64) {
	by := to - m.now
	switch {
	case by <= 0:
		return
	case m.now == 0:
	case by > max(minJump, 2*int64(m.interval)):
		m.jump.from, m.jump.to = m.now, to
	default:
		m.moved += by
	}
	m.now = to
}

// without returns a past event time as a time without jumps. It knows the last
// jump only.
func (m *Monitor) without(at int64) int64 {
	ago := m.now - at
	switch {
	case at < m.jump.from:
		ago -= m.jump.to - m.jump.from
	case at < m.jump.to:
		ago = m.now - m.jump.to
	}
	return m.moved - ago
}
