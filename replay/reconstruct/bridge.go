package reconstruct

import (
	"time"

	"headstart/event"
	"headstart/replay/zeek"
)

// inactivity is the silence after which Zeek gives a connection up
// (tcp_inactivity_timeout); its next packet begins a new record.
const inactivity = int64(5 * time.Minute)

// longestSilence bounds the silence after which a connection continues.
const longestSilence = int64(24 * time.Hour)

// ends are the addresses and ports of a connection, regardless of its direction.
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

// bridge finds records whose connection continues in a later one: the first lacks
// the end, and the next between the same ports lacks the beginning.
func (f *Fleet) bridge() {
	f.bridged = map[uint32]int64{}
	open := map[ends]uint32{}
	for i := range f.records {
		r := &f.records[i]
		if kindOf(r) != established {
			continue
		}
		unended := closersOf(r) == neither
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

// lookBack finds records whose connection is older than the log: soon after the
// log's beginning, the first between their ports, and without a handshake.
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
