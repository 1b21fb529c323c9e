package simulate

import (
	"slices"
	"time"
)

// sensor is how a company's Zeek logs connections. It may forget a connection
// that is idle for five minutes, and log what follows as one that began before:
// one connection becomes two rows, or more. It may give up on an attempt after
// five seconds, and log later SYNs as attempts of their own. Most companies'
// sensors here do neither, and log whole connections.
type sensor struct {
	byEnd    bool // writes a row when the connection ends, as Zeek does
	forgets  bool // what is idle
	attempts bool // and SYNs that are sent again
}

func newSensor(o Options) sensor {
	r := newRandom(o.Seed, "sensor")
	return sensor{byEnd: r.chance(0.5), forgets: r.chance(0.2), attempts: r.chance(0.3)}
}

// watch returns the rows as the sensor writes them. Those of intrusions stay
// whole, as the truth has them.
func (s sensor) watch(rows []connection, r random) []connection {
	seen := rows
	if s.forgets || s.attempts {
		seen = make([]connection, 0, len(rows)+len(rows)/20)
		for _, row := range rows {
			switch {
			case s.attempts && row.ends == silent && row.syns > 3:
				seen = appendAttempts(seen, row)
			case s.forgets && row.mark == nil && row.established() && row.lasts > 25*time.Minute && r.chance(0.35):
				seen = appendPieces(seen, row, r)
			default:
				seen = append(seen, row)
			}
		}
	} else if s.byEnd {
		seen = slices.Clone(rows)
	}
	if s.byEnd {
		sortRows(seen, func(x *connection) time.Duration { return x.at + x.lasts })
	} else if s.forgets || s.attempts {
		sortRows(seen, func(x *connection) time.Duration { return x.at })
	}
	return seen
}

func appendAttempts(seen []connection, row connection) []connection {
	first, syns := row, row.syns
	first.syns, first.lasts = 3, retransmission(2)
	seen = append(seen, first)
	for n := uint8(3); n < syns; n++ {
		again := row
		again.at, again.lasts, again.syns = row.at+retransmission(n), 0, 1
		seen = append(seen, again)
	}
	return seen
}

func appendPieces(seen []connection, row connection, r random) []connection {
	end := row.at + row.lasts
	at := row.at
	for n := 0; ; n++ {
		piece := row
		piece.at = at
		if n > 0 {
			piece.ends = resumed
		}
		busy := r.span(time.Second, 20*time.Minute).Truncate(time.Microsecond)
		idle := r.span(5*time.Minute, time.Hour).Truncate(time.Microsecond)
		if n == 3 || at+busy+idle >= end {
			piece.lasts = end - at
			if n == 0 {
				piece.ends = row.ends
			}
			return append(seen, piece)
		}
		piece.lasts, piece.up, piece.down = busy, row.up/4, row.down/4
		if n == 0 && piece.ends != fromBefore {
			piece.ends = stillOpen
		}
		seen = append(seen, piece)
		at += busy + idle
	}
}
