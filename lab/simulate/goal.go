package simulate

import "time"

// transfer is how long an amount takes at a rate, and a little.
func transfer(amount int64, rate float64, extra time.Duration) time.Duration {
	return time.Duration(float64(amount)/rate*float64(time.Second)) + extra
}

// harvest collects what the attacker came for, and exfiltrates it.
func (i *attacker) harvest() {
	if !i.think() {
		return
	}
	last := i.held[len(i.held)-1]
	amount := i.amount(700e6, 1.3)
	if i.stealth > 0 {
		amount = i.amount(60e6, 1.3)
	}
	if e, ok := i.next(last, true); ok && e.to.valuable() && i.chance(0.8) && !last.down(i.at) {
		i.as("goal", true).call(i.at, e, talk{13 * minutes, 0.8, "o", 90e3, 1, float64(amount), 0})
		i.used[last] = i.at + 13*minutes
		i.at += i.span(5*minutes, 20*minutes)
	}
	if i.stealth < 2 && len(i.held) > 1 && i.chance(0.25) { // together in one place first
		place := i.held[i.IntN(len(i.held)-1)]
		if port := i.way(last, place); (port == 22 || port == 445) && !last.down(i.at) {
			s := session{lasts: transfer(amount, 20e6, 3*seconds), up: amount, down: amount / 300}
			i.as("goal", true).call(i.at, edge{last, place, port}, s)
			i.at += i.span(3*minutes, 30*minutes)
			last = place
		}
	}
	if i.at >= i.until || i.chance(0.3) {
		return
	}
	if i.chanceByStealth(0.2, 0.2) {
		i.controlPort = 22 // copied out over ssh
	}
	from := last
	if i.chance(0.4) {
		from = pick(i, i.held)
	}
	lasts, parts := transfer(amount, i.between(1e6, 12e6), 2*seconds), 1
	if i.stealth > 0 {
		parts = i.count(1, 6)
	}
	lasts /= time.Duration(parts)
	for range parts {
		s := session{lasts: lasts, up: amount / int64(parts), down: amount / 300}
		i.as("exfil", true).leave(i.at, outbound{from, i.control, i.controlPort}, s)
		i.at += i.span(time.Minute, 20*minutes) + lasts
	}
	i.used[from] = i.at
}

// command is how the attacker keeps control: a shell that stays open, or a
// beacon.
func (i *attacker) command() {
	if len(i.held) == 0 || i.chance(0.25) && i.entry != "phishing" {
		return
	}
	end := i.at
	if i.entry == "web-application" && i.chance(0.5) {
		i.webShell(end)
	}
	for n, h := range i.held {
		if n > 0 && i.chance(0.75) || h.zone == data && i.ways.segmented {
			continue
		}
		control := outbound{h, i.control, i.controlPort}
		at := i.taken[h] + i.span(5*seconds, 2*minutes)
		if i.chance(0.3) && end-at < 12*hours {
			i.as("c2", true).leave(at, control, talk{end - at + i.span(time.Minute, time.Hour), 0, "Ro", 300e3, 1, 60e3, 1})
			continue
		}
		period, jitter := i.span(20*seconds, 5*minutes), i.between(0, 0.5)
		if i.stealth > 0 || i.kind == "slow" {
			period *= 5
		}
		for n := 0; at < end+time.Hour && n < 150; n++ {
			i.as("c2", true).leave(at, control, talk{700 * ms, 0.5, "or", 900, 0.3, 700, 0.4})
			at += time.Duration(float64(period) * (1 + jitter*(2*i.Float64()-1)))
		}
	}
}

// webShell is commands that come in as requests to the web application.
func (i *attacker) webShell(end time.Duration) {
	door, begin := i.held[0], i.taken[i.held[0]]
	if front := i.of(loadBalancer); len(front) > 0 {
		door = front[0]
	}
	for n, at := 0, begin; at < end && n < 80; n++ {
		i.as("c2", true).enter(at, inbound{i.address, door, 443}, talk{2 * seconds, 0.9, "or", 2e3, 0.8, 9e3, 1})
		at += i.wait(max(time.Minute, (end-begin)/40))
	}
}
