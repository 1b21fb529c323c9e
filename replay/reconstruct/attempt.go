package reconstruct

import (
	"time"

	"headstart/replay/zeek"
)

// retransmissions are the times at which a kernel resends a SYN: the
// timeout begins with 1 s (TCP_TIMEOUT_INIT) and doubles, six times
// (net.ipv4.tcp_syn_retries); the last of the times is when it gives up.
var retransmissions = [...]int64{second, 3 * second, 7 * second, 15 * second, 31 * second, 63 * second, 127 * second}

const second = int64(time.Second)

// schedule returns the number of retransmissions by a time after the first SYN,
// and when the next one, or the end, is due.
func schedule(elapsed int64) (sent uint8, due int64) {
	for n, at := range retransmissions {
		if elapsed < at {
			return uint8(n), at
		}
	}
	n := len(retransmissions) - 1
	return uint8(n), retransmissions[n]
}

// attemptEnd returns until when a socket waits for an answer, given the time of its
// first SYN and the record of its last ones.
//
// A refused or abandoned SYN ends with the record. Without an answer, the record's
// duration gives the time of the last SYN, or else the number of packets their
// number: the socket was there until the next one was due and wasn't sent. A
// late SYN still belongs to the socket, so it stays a little longer.
func attemptEnd(r *zeek.Record, first int64) int64 {
	if r.State != zeek.S0 && r.State != zeek.Unknown {
		return r.End()
	}
	n := len(retransmissions) - 1
	switch packets := int(r.OriginatorPackets); {
	case r.Duration > 0 || first != r.Start:
		// A tenth early is still that SYN: clocks and timers aren't exact.
		elapsed := r.End() - first
		for n = 0; n < len(retransmissions)-1 && elapsed >= retransmissions[n]*9/10; n++ {
		}
	case packets > 0 && packets <= n:
		n = packets - 1
	}
	due := retransmissions[n]
	if n < len(retransmissions)-1 {
		due += due / 50
	}
	return first + due
}
