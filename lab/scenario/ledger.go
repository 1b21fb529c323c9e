package scenario

import (
	"hash/fnv"
	"math/rand/v2"
	"time"

	"headstart/event"
	"headstart/replay/zeek"
)

// ledger collects connections. Moments are counted from the scenario's start.
type ledger struct {
	start   time.Time
	end     time.Duration
	records []zeek.Record
	port    map[event.Address]uint16 // the last of each originator
}

// call is a connection: its ends, and how it is closed.
type call struct {
	from, to event.Address
	port     uint16
	lasts    time.Duration
	ends     ending
}

type ending uint8

const (
	byOriginator ending = iota // who closes first
	byResponder
	silent            // no answer: SYNs are all there is
	resetByOriginator // as scanners do; no TIME_WAIT is left
)

// Linux's default ip_local_port_range.
const ephemeralLow, ephemeralHigh = 32768, 60999

// add writes a connection. One that outlives the scenario has no end.
func (l *ledger) add(at time.Duration, c call) {
	if at < 0 || at >= l.end {
		return
	}
	port := max(l.port[c.from], ephemeralLow-1) + 1
	if port > ephemeralHigh {
		port = ephemeralLow
	}
	l.port[c.from] = port
	r := zeek.Record{
		Start: l.start.Add(at).UnixNano(), Duration: int64(c.lasts),
		Originator: c.from, OriginatorPort: port, Responder: c.to, ResponderPort: c.port,
		OriginatorPackets: zeek.Unset, OriginatorBytes: 1000, ResponderBytes: 1000,
		State: zeek.SF, History: zeek.ParseHistory("ShADdFaf"),
	}
	switch {
	case c.ends == silent:
		r.State, r.History, r.OriginatorBytes, r.ResponderBytes = zeek.S0, zeek.ParseHistory("S"), 0, 0
	case at+c.lasts >= l.end:
		r.Duration, r.State, r.History = int64(l.end-at), zeek.S1, zeek.ParseHistory("ShADda")
	case c.ends == resetByOriginator:
		r.State, r.History, r.OriginatorBytes, r.ResponderBytes = zeek.RSTO, zeek.ParseHistory("ShAR"), 0, 0
	case c.ends == byResponder:
		r.History = zeek.ParseHistory("ShADdfaF")
	}
	l.records = append(l.records, r)
}

// random is one source of randomness. Each routine has its own, so that a new
// routine leaves the others as they were.
type random struct{ *rand.Rand }

func newRandom(seed uint64, name string) random {
	h := fnv.New64a()
	h.Write([]byte(name))
	return random{rand.New(rand.NewPCG(seed, h.Sum64()))}
}

// span is uniform in [low, high).
func (r random) span(low, high time.Duration) time.Duration {
	return low + time.Duration(float64(high-low)*r.Float64())
}

func (r random) chance(p float64) bool { return r.Float64() < p }

// count is uniform in [low, high].
func (r random) count(low, high int) int { return low + r.IntN(high-low+1) }
