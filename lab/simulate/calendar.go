package simulate

import "time"

// window is a time from its start on, up to and without its end. Moments are
// counted from the start of the log.
type window struct{ from, to time.Duration }

func (w window) holds(at time.Duration) bool { return at >= w.from && at < w.to }

// calendar knows when the company works.
type calendar struct {
	start     time.Time
	end       time.Duration
	learn     time.Duration
	zone      time.Duration // east of UTC
	opens     float64       // local hour at which people begin
	closes    float64
	weekend   float64 // consumers' traffic at a weekend, as a share of a working day's
	holiday   int     // a day without work, or -1
	sixthDay  bool    // some work on Saturdays
	nightWork bool    // the systems are busiest at night
}

func newCalendar(o Options) calendar {
	r := newRandom(o.Seed, "calendar")
	c := calendar{
		start: o.Start.UTC(), end: time.Duration(o.Days) * day, learn: o.Learn,
		zone:  pick(r, []time.Duration{-8, -5, -5, 0, 0, 1, 1, 2, 2, 3, 8, 9}) * time.Hour,
		opens: r.between(6.5, 9.5), weekend: r.between(0.15, 1.2), holiday: -1,
		sixthDay: r.chance(0.15), nightWork: r.chance(0.1),
	}
	c.closes = c.opens + r.between(8.5, 11)
	if r.chance(0.3) {
		c.holiday = r.IntN(o.Days)
	}
	return c
}

// clock is the moment at which it is hour o'clock on a local day. Day 0 is the
// first day of the log.
func (c calendar) clock(d int, hour float64) time.Duration {
	return time.Duration(d)*day + time.Duration(hour*float64(time.Hour)) - c.zone
}

// local returns the day and the hour that people have on their clocks.
func (c calendar) local(at time.Duration) (d int, hour float64) {
	at += c.zone
	d = int(at / day)
	if at < 0 {
		d--
	}
	return d, (at - time.Duration(d)*day).Hours()
}

func (c calendar) weekday(d int) time.Weekday { return c.start.AddDate(0, 0, d).Weekday() }

func (c calendar) workday(d int) bool {
	if d == c.holiday {
		return false
	}
	w := c.weekday(d)
	return w != time.Sunday && (w != time.Saturday || c.sixthDay)
}

// working reports whether people are at work.
func (c calendar) working(at time.Duration) bool {
	d, hour := c.local(at)
	return c.workday(d) && hour >= c.opens && hour < c.closes
}

// within reports whether the moment is in the log.
func (c calendar) within(at time.Duration) bool { return at >= 0 && at < c.end }

// days are the local days that touch the log.
func (c calendar) days() (first, last int) { return -1, int(c.end / day) }

// after returns a working moment at or after a moment; ok is false if there is
// none left.
func (c calendar) after(r random, at time.Duration) (time.Duration, bool) {
	for d, _ := c.local(at); ; d++ {
		from, to := max(at, c.clock(d, c.opens+0.3)), c.clock(d, c.closes-0.7)
		if from >= c.end {
			return 0, false
		}
		if c.workday(d) && from < to {
			return r.span(from, to), true
		}
	}
}

// A curve is how busy each hour of a day is.
type curve [24]float64

var (
	steady = curve{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}
	office = curve{.05, .03, .03, .03, .05, .1, .4, 1, 2.5, 3.6, 3.8, 3.5, 2.6, 3.2, 3.7, 3.5, 3, 2, 1, .5, .3, .2, .15, .1}
	people = curve{.6, .35, .2, .15, .15, .2, .5, .9, 1.2, 1.4, 1.5, 1.6, 1.8, 1.6, 1.5, 1.5, 1.6, 1.8, 2.1, 2.5, 2.7, 2.4, 1.8, 1.1}
	nights = curve{3, 4, 4, 3, 2.5, 2, 1, .6, .5, .5, .5, .5, .5, .5, .5, .5, .5, .5, .6, .8, 1, 1.3, 1.8, 2.4}
)

// rate is how often something happens: so many times a day on average over a
// week, by the hour, and less at weekends.
type rate struct {
	daily   float64
	curve   curve
	weekend float64 // as a share of a working day
}

// spread calls do at the random moments that the rate gives, within the log.
func (c calendar) spread(r random, e rate, do func(at time.Duration)) {
	var sums [24]float64
	total := 0.0
	for h, v := range e.curve {
		total += v
		sums[h] = total
	}
	working := e.daily * 7 / (5 + 2*e.weekend)
	first, last := c.days()
	for d := first; d <= last; d++ {
		mean := working
		if !c.workday(d) {
			mean *= e.weekend
		}
		for range r.poisson(mean) {
			x, h := r.Float64()*total, 0
			for sums[h] < x {
				h++
			}
			if at := c.clock(d, float64(h)+r.Float64()); c.within(at) {
				do(at)
			}
		}
	}
}
