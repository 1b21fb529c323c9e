package event

import (
	"errors"
	"fmt"
)

// State is a TCP state with the number Linux gives it
// (include/net/tcp_states.h) and the name RFC 9293 does, in Linux's spelling.
type State uint8

// The states that a row of /proc/net/tcp can show.
const (
	Established State = iota + 1
	SynSent
	SynRecv
	FinWait1
	FinWait2
	TimeWait
	Close
	CloseWait
	LastAck
	Listen
	Closing
	NewSynRecv
)

var stateNames = [...]string{
	Established: "ESTABLISHED", SynSent: "SYN_SENT", SynRecv: "SYN_RECV",
	FinWait1: "FIN_WAIT1", FinWait2: "FIN_WAIT2", TimeWait: "TIME_WAIT",
	Close: "CLOSE", CloseWait: "CLOSE_WAIT", LastAck: "LAST_ACK",
	Listen: "LISTEN", Closing: "CLOSING", NewSynRecv: "NEW_SYN_RECV",
}

// Valid reports whether Linux has such a state.
func (s State) Valid() bool { return s >= Established && s <= NewSynRecv }

// String returns the name, or state(N) for a number Linux doesn't have.
func (s State) String() string {
	if !s.Valid() {
		return fmt.Sprintf("state(%d)", uint8(s))
	}
	return stateNames[s]
}

// MarshalText implements encoding.TextMarshaler.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText accepts a name as String writes it.
func (s *State) UnmarshalText(text []byte) error {
	n, err := numberOf(stateNames[:], "TCP state", text)
	if err == nil && n == 0 {
		return errors.New("no TCP state")
	}
	*s = State(n)
	return err
}

// Timer is the kind of timer that runs on a socket, as the kernel's
// tcp_seq_show numbers it (net/ipv4/tcp_ipv4.c).
type Timer uint8

// The kinds of timer.
const (
	TimerOff        Timer = iota
	TimerRetransmit       // also early retransmit and tail loss probe
	TimerKeepalive        // also the SYN-ACK's and other sk_timer uses
	TimerTimeWait
	TimerProbe // zero window
)

var timerNames = [...]string{"off", "retransmit", "keepalive", "time-wait", "probe"}

// Valid reports whether Linux has such a timer.
func (t Timer) Valid() bool { return int(t) < len(timerNames) }

// String returns the name, or timer(N) for a number Linux doesn't have.
func (t Timer) String() string {
	if !t.Valid() {
		return fmt.Sprintf("timer(%d)", uint8(t))
	}
	return timerNames[t]
}

// MarshalText implements encoding.TextMarshaler.
func (t Timer) MarshalText() ([]byte, error) { return []byte(t.String()), nil }
