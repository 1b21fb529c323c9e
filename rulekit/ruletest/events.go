package ruletest

import (
	"slices"
	"strings"
	"time"

	"headstart/detect/rule"
	"headstart/suggest"
)

// between is the ends and ports of "FROM -> TO:PORT".
type between struct {
	from, to []*machine
	ports    []uint16
}

// connections reads "FROM -> TO:PORT[,PORT]".
func (r *reader) connections(words []word) (b between, ok bool) {
	if len(words) < 3 || words[1].text != "->" {
		r.errorf(words[0], "write a connection as in web-01 -> db-01:5432")
		return b, false
	}
	colon := strings.LastIndex(words[2].text, ":")
	if colon < 0 {
		r.errorf(words[2], "%q has no port: write it as in db-01:5432", short(words[2].text))
		return b, false
	}
	var valid [3]bool
	b.from, valid[0] = r.machines(words[0])
	b.to, valid[1] = r.machines(words[2].part(words[2].text[:colon], 0))
	b.ports, valid[2] = r.ports(words[2].part(words[2].text[colon+1:], colon+1))
	ok = valid == [3]bool{true, true, true}
	if ok && !reported(b.from) && !reported(b.to) {
		r.errorf(words[0], "neither end has a poller: no host would show this")
		return b, false
	}
	return b, ok
}

func reported(all []*machine) bool {
	return slices.ContainsFunc(all, func(m *machine) bool { return m.reports })
}

var routineWords = []string{"every", "for", "at", "days"}

// routine reads "FROM -> TO:PORT every 10m|at 09:30,14:00 [for 2s] [days 1,2]".
func (r *reader) routine(words []word) {
	r.failed = false
	h := routine{number: len(r.suite.routines), length: time.Second}
	b, ok := r.connections(words)
	if !ok {
		return
	}
	h.from, h.to, h.ports = b.from, b.to, b.ports
	rest := words[3:]
	for ; len(rest) >= 2; rest = rest[2:] {
		switch value := rest[1]; rest[0].text {
		case "every":
			if h.every, ok = r.duration(value); ok && h.every < time.Second {
				r.errorf(value, "every: must be at least 1s")
			}
		case "for":
			h.length, _ = r.duration(value)
		case "at":
			for _, one := range value.split(",") {
				at, _ := r.time(one)
				h.at = append(h.at, at)
			}
		case "days":
			for _, one := range value.split(",") {
				day, _ := r.number(one, "a day", 1, r.suite.days+1)
				h.days = append(h.days, day)
			}
		default:
			r.unknown(rest[0], routineWords)
		}
		if r.failed {
			return
		}
	}
	switch {
	case len(rest) > 0:
		r.valueMissing(rest[0], routineWords)
	case (h.every == 0) == (h.at == nil):
		r.errorf(words[0], "a line of usual has \"every 10m\" or \"at 09:30,14:00\": write one of them")
	default:
		r.suite.routines = append(r.suite.routines, h)
	}
}

func (r *reader) unknown(w word, known []string) {
	r.errorf(w, "%q is none of %s%s", short(w.text), strings.Join(known, ", "), suggest.DidYouMean(w.text, known))
}

func (r *reader) valueMissing(w word, known []string) {
	if !slices.Contains(known, w.text) {
		r.unknown(w, known)
		return
	}
	r.errorf(w, "%q: the value is missing", w.text)
}

// expandRoutines adds the connections of the routines on each day.
func (r *reader) expandRoutines(of *rule.Rule) {
	begin := dayStart(r.suite.days + 1)
	for day := 1; day <= r.suite.days+2; day++ { // cases can last into the next
		for i := range r.suite.routines {
			h := &r.suite.routines[i]
			if h.days != nil && !slices.Contains(h.days, day) {
				continue
			}
			line := &of.Tests.Usual[min(h.number, len(of.Tests.Usual)-1)]
			r.expandDay(h, day, func(f flow) bool {
				if r.total++; r.total > maxConnections {
					r.errorf(wordsOf(line)[0], "usual has more than %s connections: use longer intervals, fewer days or fewer hosts", thousands(maxConnections))
					return false
				}
				switch {
				case day > r.suite.days:
					r.suite.today = append(r.suite.today, r.numbered(f))
				case f.start.Before(begin):
					r.suite.learned = append(r.suite.learned, r.numbered(f))
				}
				return true
			})
			if r.total > maxConnections {
				return
			}
		}
	}
}

func (r *reader) expandDay(h *routine, day int, yield func(flow) bool) {
	times := h.at
	for at := time.Duration(0); h.every > 0 && at < 24*time.Hour; at += h.every {
		times = append(times, at+time.Duration(h.number%17+1)*time.Second)
	}
	for _, at := range times {
		start := dayStart(day).Add(at)
		for n, from := range h.from {
			for k, to := range h.to {
				if from == to {
					continue
				}
				for _, port := range h.ports {
					begin := start.Add(time.Duration(n*3+k) * time.Second)
					if !yield(flow{from: from, to: to, port: port, start: begin, end: begin.Add(h.length)}) {
						return
					}
				}
			}
		}
	}
}

// numbered gives a connection its originator's port.
func (r *reader) numbered(f flow) flow {
	f.source = uint16(32768 + r.source[f.from]%28000)
	r.source[f.from]++
	return f
}

// happens reads a line of a case's connections.
func (r *reader) happens(c *Case, begin time.Time, words []word) {
	r.failed = false
	if words[0].text == "until" && len(words) == 2 {
		if at, ok := r.time(words[1]); ok {
			c.end = begin.Add(at)
		}
		return
	}
	at, ok := r.time(words[0])
	if !ok {
		return
	}
	if len(words) < 4 {
		r.errorf(words[0], "a line of connections is \"TIME FROM -> TO:PORT …\", \"TIME HOST listens PORT\", or \"TIME HOST silent for 20m\"")
		return
	}
	start := begin.Add(at)
	last := start
	switch words[2].text {
	case "silent":
		last, ok = r.silent(c, start, words)
	case "listens":
		ok = r.listens(c, start, words)
	default:
		last, ok = r.connects(c, start, words)
	}
	if !ok {
		return
	}
	if last.Sub(begin) > maxCase {
		r.errorf(words[0], "this lasts until %s: a case has at most two days", last.Format(time.DateTime))
		return
	}
	if dense := start.Add(-lead); c.dense.IsZero() || dense.Before(c.dense) {
		c.dense = dense
	}
	c.end = latest(c.end, last.Add(trail))
}

// poller reads a host with a poller.
func (r *reader) poller(w word) *machine {
	m := r.host(w, w.text)
	if m != nil && !m.reports {
		r.errorf(w, "%s has no poller", m.name)
		return nil
	}
	return m
}

func (r *reader) silent(c *Case, start time.Time, words []word) (last time.Time, ok bool) {
	if len(words) != 5 || words[3].text != "for" {
		r.errorf(words[2], "write a silent poller as in web-01 silent for 20m")
		return start, false
	}
	length, ok := r.duration(words[4])
	m := r.poller(words[1])
	if !ok || m == nil {
		return start, false
	}
	c.silent[m] = append(c.silent[m], span{start, start.Add(length)})
	return start.Add(length), true
}

func (r *reader) listens(c *Case, start time.Time, words []word) bool {
	if len(words) != 4 {
		r.errorf(words[2], "write a program that begins to listen as in web-01 listens 4444, or web-01 listens 127.0.0.1:4444")
		return false
	}
	text, loopback := strings.CutPrefix(words[3].text, "127.0.0.1:")
	ports, ok := r.ports(words[3].part(text, len(words[3].text)-len(text)))
	m := r.poller(words[1])
	if !ok || m == nil {
		return false
	}
	for _, port := range ports {
		c.begins[listening{m, port, loopback}] = start
	}
	return true
}

func (r *reader) connects(c *Case, start time.Time, words []word) (last time.Time, ok bool) {
	b, ok := r.connections(words[1:])
	if !ok {
		return start, false
	}
	h, ok := r.how(words[4:])
	if !ok {
		return start, false
	}
	if h.hiddenAt != nil && !slices.Contains(b.from, h.hiddenAt) && !slices.Contains(b.to, h.hiddenAt) {
		r.errorf(words[1], "%s is not an end of this connection: it can't hide it", h.hiddenAt.name)
		return start, false
	}
	for range h.times {
		for _, from := range b.from {
			for _, to := range b.to {
				if from == to && len(b.from)*len(b.to) > 1 {
					continue
				}
				for _, port := range b.ports {
					if r.inCases++; r.inCases > maxConnections {
						r.errorf(words[0], "the cases have more than %s connections", thousands(maxConnections))
						return start, false
					}
					if h.every > maxCase || start.Sub(c.end) > maxCase {
						return start, true // which is rejected
					}
					c.flows = append(c.flows, flow{
						from: from, to: to, port: port, start: start, end: start.Add(h.length),
						unanswered: h.unanswered, dropped: h.dropped, hiddenAt: h.hiddenAt,
						source: uint16(32768 + (r.source[from]+len(c.flows))%28000),
					})
					start = start.Add(h.every)
				}
			}
		}
	}
	return start, true
}

// how is the manner of the connections of a case.
type how struct {
	length, every time.Duration
	times         int
	unanswered    bool
	dropped       bool
	hiddenAt      *machine
}

var howWords = []string{"for", "every", "times", "unanswered", "dropped", "hidden"}

func (r *reader) how(words []word) (h how, ok bool) {
	h = how{every: time.Second, times: 1}
	for len(words) > 0 && !r.failed {
		w, taken := words[0], 2
		if len(words) < 2 && w.text != "unanswered" && w.text != "dropped" {
			r.valueMissing(w, howWords)
			break
		}
		switch w.text {
		case "unanswered":
			h.unanswered, taken = true, 1
		case "dropped":
			h.dropped, taken = true, 1
		case "for":
			h.length, _ = r.duration(words[1])
		case "every":
			h.every, _ = r.duration(words[1])
		case "times":
			h.times, _ = r.number(words[1], "times", 1, maxTimes)
		case "hidden":
			if taken = 3; len(words) < 3 || words[1].text != "at" {
				r.errorf(w, "write a connection that one end hides as in hidden at db-01")
				break
			}
			h.hiddenAt = r.poller(words[2])
		default:
			r.unknown(w, howWords)
		}
		words = words[min(taken, len(words)):]
	}
	switch {
	case h.length > 0:
	case h.unanswered:
		h.length = 2 * time.Minute
	default:
		h.length = time.Second
	}
	return h, !r.failed
}
