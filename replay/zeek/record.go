package zeek

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"headstart/event"
)

// Unset is a number that the log lacks.
const Unset = -1

// Record is a TCP connection as Zeek saw it. It holds no pointer.
type Record struct {
	Start    int64 // of the first packet, in nanoseconds since 1970
	Duration int64 // to the last packet, in nanoseconds; Unset if there was one packet only

	// Originator sent the SYN, as far as Zeek knows.
	Originator, Responder         event.Address
	OriginatorPort, ResponderPort uint16

	OriginatorPackets int32 // Unset if the log lacks it, as all numbers here
	OriginatorBytes   int64
	ResponderBytes    int64

	UID     uint64 // hash of Zeek's uid, to find duplicates; 0 without one
	State   State
	History History
}

// End returns when the last packet was seen, in nanoseconds since 1970.
func (r *Record) End() int64 { return r.Start + max(r.Duration, 0) }

// String returns the record on one line.
func (r *Record) String() string {
	return fmt.Sprintf("%s %s:%d > %s:%d %s %s %s", time.Unix(0, r.Start).UTC().Format(time.RFC3339Nano),
		r.Originator, r.OriginatorPort, r.Responder, r.ResponderPort, r.State, &r.History, time.Duration(max(r.Duration, 0)))
}

// compare orders records by start, then by all other fields, so that the order is
// always the same.
func (r *Record) compare(o *Record) int {
	if r.Start != o.Start {
		return cmp.Compare(r.Start, o.Start)
	}
	return cmp.Or(
		cmp.Compare(r.UID, o.UID),
		r.Originator.Compare(o.Originator), cmp.Compare(r.OriginatorPort, o.OriginatorPort),
		r.Responder.Compare(o.Responder), cmp.Compare(r.ResponderPort, o.ResponderPort),
		cmp.Compare(r.Duration, o.Duration), cmp.Compare(r.State, o.State),
		cmp.Compare(r.OriginatorPackets, o.OriginatorPackets),
		cmp.Compare(r.OriginatorBytes, o.OriginatorBytes), cmp.Compare(r.ResponderBytes, o.ResponderBytes),
		strings.Compare(string(r.History[:]), string(o.History[:])),
	)
}

// byStart sorts in place: package slices would pass the large records by value.
type byStart []Record

func (b *byStart) Len() int           { return len(*b) }
func (b *byStart) Less(i, j int) bool { return (*b)[i].compare(&(*b)[j]) < 0 }
func (b *byStart) Swap(i, j int)      { (*b)[i], (*b)[j] = (*b)[j], (*b)[i] }

// State is Zeek's conn_state.
type State uint8

// The states of base/protocols/conn/main.zeek.
const (
	Unknown State = iota // the log lacks it
	S0                   // a SYN without an answer
	S1                   // established, no end seen
	SF                   // established and ended in order
	REJ                  // refused
	S2                   // established; only the originator closed
	S3                   // established; only the responder closed
	RSTO                 // established; the originator reset it
	RSTR                 // the responder reset it
	RSTOS0               // the originator reset it, no answer of the responder was seen
	RSTRH                // the responder reset it, no SYN of the originator was seen
	SH                   // a SYN and a FIN of the originator without an answer
	SHR                  // a SYN-ACK and a FIN of the responder without a SYN
	OTH                  // no handshake seen, no end either
)

var stateNames = [...]string{
	Unknown: "-", S0: "S0", S1: "S1", SF: "SF", REJ: "REJ", S2: "S2", S3: "S3", RSTO: "RSTO", RSTR: "RSTR",
	RSTOS0: "RSTOS0", RSTRH: "RSTRH", SH: "SH", SHR: "SHR", OTH: "OTH",
}

// String returns Zeek's name, - for Unknown.
func (s State) String() string {
	if int(s) >= len(stateNames) {
		return fmt.Sprintf("state(%d)", uint8(s))
	}
	return stateNames[s]
}

func parseState(b []byte) (State, bool) {
	for s, name := range stateNames {
		if string(b) == name {
			return State(s), true
		}
	}
	return Unknown, false
}

// History is Zeek's history reduced to the letters that matter for the state of a
// connection, in the order of their first occurrence. Upper case is the
// originator, lower case the responder: S a SYN, H a SYN-ACK, A an
// acknowledgement, D data, F a FIN, R a reset. ^ means that Zeek swapped
// originator and responder.
type History [13]byte

const historyLetters = "SsHhAaDdFfRr^"

func parseHistory(b []byte) (h History) {
	n := 0
	for _, c := range b {
		if n < len(h) && strings.IndexByte(historyLetters, c) >= 0 && h.Index(c) < 0 {
			h[n] = c
			n++
		}
	}
	return h
}

// ParseHistory reduces Zeek's history to a History.
func ParseHistory(text string) History { return parseHistory([]byte(text)) }

// Index returns the index of a letter, -1 if it is absent.
func (h *History) Index(letter byte) int {
	for i, c := range h {
		if c == letter {
			return i
		}
		if c == 0 {
			break
		}
	}
	return -1
}

// Has reports whether any of the letters is present.
func (h *History) Has(letters string) bool {
	for i := range len(letters) {
		if h.Index(letters[i]) >= 0 {
			return true
		}
	}
	return false
}

// Empty reports whether the log lacks the history.
func (h *History) Empty() bool { return h[0] == 0 }

// String returns the letters.
func (h *History) String() string { return strings.TrimRight(string(h[:]), "\x00") }
