package simulate

import (
	"cmp"
	"slices"
	"time"
)

// sensor is how a company's Zeek sees connections. It forgets what is silent
// for five minutes, and takes what comes then for something that began before:
// one connection is two rows, or more. It gives up on an attempt after five
// seconds, and takes the SYNs that come later for attempts of their own. Most
// companies' sensors here are patient, and see whole connections.
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
// whole, so that they are what the truth says.
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
		slices.SortStableFunc(seen, func(a, b connection) int { return cmp.Compare(a.at+a.lasts, b.at+b.lasts) })
	} else if s.forgets || s.attempts {
		slices.SortStableFunc(seen, func(a, b connection) int { return cmp.Compare(a.at, b.at) })
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
