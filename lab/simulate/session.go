package simulate

import "time"

// session is how a connection goes, without its ends.
type session struct {
	lasts    time.Duration
	up, down int64 // bytes from the originator, and to it
	ends     ending
	syns     uint8 // of an unanswered attempt; 0 is the system's default
}

func (s session) established() bool { return s.ends != refused && s.ends != silent }

// shape is what sessions are drawn from.
type shape interface{ draw(r random) session }

func (s session) draw(random) session { return s }

// talk is a distribution of sessions: medians, each followed by the sigma of
// its logarithm. What has no sigma is always the same. The ending is one letter
// of ends: "o" and "r" are a close by originator or responder, "O" and "R" a
// reset.
type talk struct {
	lasts     time.Duration
	sigma     float64
	ends      string
	up        float64
	upSigma   float64
	down      float64
	downSigma float64
}

func (k talk) draw(r random) session {
	s := session{lasts: k.lasts, up: int64(k.up), down: int64(k.down)}
	if k.sigma > 0 {
		s.lasts = r.around(k.lasts, k.sigma)
	}
	letter := k.ends[0]
	if len(k.ends) > 1 {
		letter = k.ends[r.IntN(len(k.ends))]
	}
	switch letter {
	case 'r':
		s.ends = byResponder
	case 'O':
		s.ends = abortedByOrigin
	case 'R':
		s.ends = abortedByPeer
	}
	if k.upSigma > 0 {
		s.up = r.amount(k.up, k.upSigma)
	}
	if k.downSigma > 0 {
		s.down = r.amount(k.down, k.downSigma)
	}
	return s
}

// unanswered is an attempt that gets no answer, for as long as the program waits.
func unanswered(r random) session { return session{ends: silent, syns: uint8(r.count(1, 7))} }

// terminal is a shell of that length.
func terminal(lasts time.Duration) talk {
	s := lasts.Seconds()
	return talk{lasts, 0, "ooooooorrO", 4000 + 6*s, 0.8, 6000 + 40*s, 0.9}
}

// copying is a session that carries that many bytes of files, either way.
type copying float64

func (bytes copying) draw(r random) session {
	b := float64(bytes)
	s := talk{time.Duration(b/12e6*float64(time.Second)) + 3*seconds, 0.5, "o", b, 0.8, 60e3, 1}.draw(r)
	if r.chance(0.4) {
		s.up, s.down = s.down, s.up
	}
	return s
}

// keep is a connection that stays open, and is opened again when it ends.
type keep struct {
	life     time.Duration // the median
	up, down float64       // bytes a second
	during   window        // all the time, if zero
}

func (k keep) lasting(d time.Duration) talk {
	return talk{d, 0, "oorR", k.up*d.Seconds() + 200, 0.3, k.down*d.Seconds() + 200, 0.3}
}

// persistent keeps a connection open between two hosts for a time.
func (t traffic) persistent(e edge, k keep) {
	from, to, w := e.from, e.to, k.during
	if w == (window{}) {
		w = window{0, t.calendar.end}
	}
	at := max(w.from, from.life.from, 0)
	until := min(w.to, from.life.to)
	if at == 0 {
		// It is open when the log begins, or restarts soon.
		life := time.Duration(t.Float64() * float64(t.around(k.life, 0.8)))
		if t.chance(0.5) && !from.down(0) && !to.down(0) {
			s := k.lasting(min(life, until)).draw(t.random)
			if s.lasts > time.Second {
				s.ends = fromBefore
				t.call(0, e, s)
			}
			at = s.lasts
		} else {
			at = t.span(0, min(life, 6*hours)+time.Second)
		}
	}
	for failed := 0; at < until; {
		if from.down(at) {
			at += t.span(20*seconds, 90*seconds)
			continue
		}
		if to.down(at) || to.shut(e.port, at) {
			t.call(at, e, session{})
			if failed++; !to.alive(at) && (at < to.life.from || failed > 60) {
				at = max(until, 0)
				if to.life.from > w.from && to.life.from < until && failed < 60 {
					at = to.life.from + t.span(0, 10*minutes)
				}
				continue
			}
			at += min(time.Duration(1<<min(failed, 6))*t.span(4*seconds, 8*seconds), 5*minutes)
			continue
		}
		failed = 0
		s := k.lasting(min(t.around(k.life, 0.8)+time.Second, until-at)).draw(t.random)
		t.call(at, e, s)
		broken := min(to.cut(e.port, at), from.cut(0, at))
		at = min(at+s.lasts, broken) + t.span(200*ms, 6*seconds)
	}
}
