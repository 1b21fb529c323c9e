package reconstruct

import (
	"time"

	"headstart/event"
	"headstart/replay/zeek"
)

// Zeek gives a connection up when it is silent for so long
// (tcp_inactivity_timeout), and begins a new record with its next packet.
const inactivity = int64(5 * time.Minute)

// longestSilence is how long a connection may be silent and go on.
const longestSilence = int64(24 * time.Hour)

// ends are the addresses and ports of a connection, whoever began it.
type ends struct {
	low, high         event.Address
	lowPort, highPort uint16
}

func endsOf(r *zeek.Record) ends {
	e := ends{r.Originator, r.Responder, r.OriginatorPort, r.ResponderPort}
	if c := e.low.Compare(e.high); c > 0 || c == 0 && e.lowPort > e.highPort {
		e.low, e.high, e.lowPort, e.highPort = e.high, e.low, e.highPort, e.lowPort
	}
	return e
}

// bridge finds the records whose connection goes on in a later one: no end was
// seen, and then, between the same ports, no beginning.
func (f *Fleet) bridge() {
	f.bridged = map[uint32]int64{}
	open := map[ends]uint32{}
	for i := range f.records {
		r := &f.records[i]
		if kindOf(r) != established {
			continue
		}
		unended := closersOf(r) == nobody
		if !unended && len(open) == 0 {
			continue
		}
		key := endsOf(r)
		if before, ok := open[key]; ok {
			if b := &f.records[before]; midstream(r) && r.Start > b.End() && r.Start-b.End() <= longestSilence {
				f.bridged[before] = r.Start
			}
			delete(open, key)
		}
		if unended {
			open[key] = uint32(i)
		}
	}
}

// lookBack finds the records whose connection was there when the log began: no
// beginning was seen, soon after the log's own, and nothing between its ports
// before.
func (f *Fleet) lookBack() {
	f.early = map[uint32]bool{}
	known := map[ends]bool{}
	for i := range f.records {
		r := &f.records[i]
		if r.Start-f.records[0].Start > inactivity {
			break
		}
		key := endsOf(r)
		if kindOf(r) == established && midstream(r) && !known[key] {
			f.early[uint32(i)] = true
		}
		known[key] = true
	}
}

// began returns when the connection of a record began, or the log.
func (f *Fleet) began(record uint32) int64 {
	if f.early[record] {
		return f.records[0].Start
	}
	return f.records[record].Start
}
