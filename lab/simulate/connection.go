package simulate

import (
	"net/netip"
	"time"
)

// ending is what became of a connection, and who closed it.
type ending uint8

const (
	byOriginator    ending = iota // SF, originator's FIN first
	byResponder                   // SF, responder's FIN first
	abortedByOrigin               // RSTO
	abortedByPeer                 // RSTR
	refused                       // REJ
	silent                        // S0
	stillOpen                     // S1
	fromBefore                    // OTH: began before the log did
	halfClosed                    // S2: the originator closed, the responder never did
	resumed                       // OTH: the sensor had forgotten it; closed in the end
	answeredOnly                  // UDP, SF
	unansweredOnly                // UDP, S0
)

// session is how a connection goes, whoever has it.
type session struct {
	lasts    time.Duration
	up, down int64 // bytes from the originator, and to it
	ends     ending
	syns     uint8 // of an attempt without an answer; 0 is what the system does
}

// connection is one row of the log.
type connection struct {
	at, lasts           time.Duration
	source, destination netip.Addr
	up, down            int64
	mark                *mark // of an intrusion
	sourcePort, port    uint16
	ends                ending
	syns                uint8
	udp                 bool
}

// established says that both ends had it.
func (c *connection) established() bool {
	return c.ends != refused && c.ends != silent && !c.udp
}

// state is Zeek's conn_state.
func (c *connection) state() string {
	switch c.ends {
	case abortedByOrigin:
		return "RSTO"
	case abortedByPeer:
		return "RSTR"
	case refused:
		return "REJ"
	case silent, unansweredOnly:
		return "S0"
	case stillOpen:
		return "S1"
	case fromBefore, resumed:
		return "OTH"
	case halfClosed:
		return "S2"
	}
	return "SF"
}

// history is Zeek's: upper case is the originator, in the order of first
// occurrence.
func (c *connection) history() string {
	data := "Dd"
	switch {
	case c.up == 0 && c.down == 0:
		data = ""
	case c.up == 0:
		data = "d"
	case c.down == 0:
		data = "D"
	case c.port == 22 || c.port == 25 || c.port == 3306 || c.port == 587:
		data = "dD" // the server speaks first
	}
	switch c.ends {
	case byOriginator:
		if c.lasts%3 == 0 {
			return "ShA" + data + "aFf"
		}
		return "ShA" + data + "Faf"
	case byResponder:
		if c.lasts%3 == 0 {
			return "ShA" + data + "afF"
		}
		return "ShA" + data + "fFa"
	case abortedByOrigin:
		return "ShA" + data + "aR"
	case abortedByPeer:
		return "ShA" + data + "ar"
	case refused:
		return "Sr"
	case silent:
		return "S"
	case stillOpen:
		return "ShA" + data + "a"
	case fromBefore:
		return data + "Aa"
	case resumed:
		return data + "AaFf"
	case halfClosed:
		return "ShA" + data + "aF"
	case unansweredOnly:
		return "D"
	}
	return "Dd"
}

// retransmission tells when a system sends its n-th SYN again: 1, 3, 7, … s
// after the first.
func retransmission(n uint8) time.Duration {
	return time.Duration(uint64(1)<<n-1) * time.Second
}
