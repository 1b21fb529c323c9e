package pattern

import (
	"slices"

	"headstart/event"
)

const (
	// mostMoments is how many of a window's connections are looked at: the latest.
	mostMoments = 256

	// leastMoments is how many it takes for intervals to have a shape.
	leastMoments = 5

	// oneMoment is within how many milliseconds connections are one call.
	oneMoment = 1000
)

// beaconing is how regular the calls of a window are, in thousandths: the mean
// of three measures that RITA also takes of the intervals between them. They
// differ little from their median (median absolute deviation), upwards by as much
// as downwards (the skew of the quartiles, as Bowley takes it, but as a part of the
// median: of a few intervals that hardly differ it is chance), and as many of them
// as fit fill the time from the first to the last.
//
// What is not certain counts as irregular: the deviation is the largest that
// the bounds allow. So what is seen at the polls only is never regular when it
// comes about as often as they do.
func beaconing(reports []*report) int64 {
	moments := momentsOf(reports)
	if len(moments) < leastMoments {
		return 0
	}
	intervals, open := make([]int64, 0, len(moments)), make([]int64, 0, len(moments))
	for i := 1; i < len(moments); i++ {
		intervals = append(intervals, moments[i].at-moments[i-1].at)
		open = append(open, (moments[i].open+moments[i-1].open)/2)
	}
	slices.Sort(intervals)
	slices.Sort(open)
	low, usual, high := quarter(intervals, 1), quarter(intervals, 2), quarter(intervals, 3)
	deviations := make([]int64, len(intervals))
	for i, d := range intervals {
		deviations[i] = max(d-usual, usual-d)
	}
	slices.Sort(deviations)
	unsure := quarter(open, 2)

	alike := thousand - min(thousand, thousand*(quarter(deviations, 2)+unsure)/usual)
	even := thousand - min(thousand, thousand*max(low+high-2*usual, 2*usual-low-high)/usual)
	span := moments[len(moments)-1].at - moments[0].at
	filled := min(thousand, thousand*usual*int64(len(intervals))/span)
	return (alike + even + filled) / 3
}

// moment is when something was called, in milliseconds, and how much of that is
// open.
type moment struct{ at, open int64 }

// momentsOf returns the latest moments, in order of time, those that are one
// merged. TIME_WAIT tells to a hundredth of a second when a connection ended;
// of others only the polls are known between which they began.
func momentsOf(reports []*report) []moment {
	reports = reports[max(0, len(reports)-mostMoments):]
	moments := make([]moment, 0, len(reports))
	for _, r := range reports {
		m := moment{(r.own + r.began) / 2, r.own - r.began}
		if r.State == event.TimeWait && !r.SeenUntil.IsZero() {
			m = moment{event.Nanoseconds(r.SeenUntil), 0}
		}
		moments = append(moments, moment{m.at / 1e6, m.open / 1e6})
	}
	slices.SortFunc(moments, func(a, b moment) int {
		if a.at != b.at {
			return int(max(-1, min(a.at-b.at, 1)))
		}
		return int(max(-1, min(a.open-b.open, 1)))
	})
	one := moments[:0]
	for _, m := range moments {
		if n := len(one); n == 0 || m.at-one[n-1].at >= oneMoment {
			one = append(one, m)
		}
	}
	return one
}

// quarter returns the value below which so many quarters of sorted ones are.
func quarter(sorted []int64, quarters int) int64 { return sorted[(len(sorted)-1)*quarters/4] }
