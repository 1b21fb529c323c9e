package conntable

import "time"

// clockStep is the least difference between wall clock and uptime that counts
// as a step of the clock. NTP slews both alike.
const clockStep = 500 * time.Millisecond

// offsetWindow is the least time for which a measurement counts.
const offsetWindow = int64(10 * time.Minute)

// offset estimates by how much a host's clock is behind the stream's. A
// measurement is that plus the message's transit time, which is never negative
// and often short: the minimum of the last 10 to 20 minutes is closest.
type offset struct {
	since         int64 // uptime at which current began; 0: nothing measured yet
	current, last int64
}

func (o *offset) observe(lag time.Duration, uptime int64) time.Duration {
	switch measured := int64(lag); {
	case o.since == 0 || uptime-o.since >= 2*offsetWindow:
		*o = offset{since: uptime, current: measured, last: measured}
	case uptime-o.since >= offsetWindow:
		*o = offset{since: uptime, current: measured, last: o.current}
	default:
		o.current = min(o.current, measured)
	}
	return time.Duration(min(o.current, o.last))
}
