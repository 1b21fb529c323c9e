package simulate

import "time"

// ending is how a connection ended, and who closed it.
type ending uint8

const (
	byOriginator    ending = iota // the originator's FIN first
	byResponder                   // the responder's FIN first
	abortedByOrigin               // reset
	abortedByPeer
	refused
	silent // no answer
	stillOpen
	fromBefore   // began before the log did
	halfClosed   // the originator closed, the responder never did
	resumed      // the sensor had forgotten it; closed in the end
	answeredOnly // UDP
)

// zeekEndings are what Zeek writes of each ending: conn_state, and what its history has
// before and after the data.
var zeekEndings = [...]struct{ state, before, after string }{
	byOriginator:    {"SF", "ShA", "Faf"},
	byResponder:     {"SF", "ShA", "fFa"},
	abortedByOrigin: {"RSTO", "ShA", "aR"},
	abortedByPeer:   {"RSTR", "ShA", "ar"},
	refused:         {"REJ", "", "Sr"},
	silent:          {"S0", "", "S"},
	stillOpen:       {"S1", "ShA", "a"},
	fromBefore:      {"OTH", "", "Aa"},
	halfClosed:      {"S2", "ShA", "aF"},
	resumed:         {"OTH", "", "AaFf"},
	answeredOnly:    {"SF", "", ""},
}

// connection is one row of the log.
type connection struct {
	at time.Duration
	row
	session
	mark *mark // of an intrusion
	udp  bool
}

// established reports whether both ends had it.
func (c *connection) established() bool { return c.session.established() && !c.udp }

// state is Zeek's conn_state.
func (c *connection) state() string { return zeekEndings[c.ends].state }

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
	after := zeekEndings[c.ends].after
	if c.lasts%3 == 0 { // the last data are acknowledged before the first FIN
		switch c.ends {
		case byOriginator:
			after = "aFf"
		case byResponder:
			after = "afF"
		}
	}
	return zeekEndings[c.ends].before + data + after
}

// packets is how many went each way.
func (c *connection) packets() (sent, received int64) {
	switch {
	case c.udp:
		return 1 + c.up/1400, 1 + c.down/1400
	case c.ends == silent:
		return int64(c.syns), 0
	case c.ends == refused:
		return 1, 1
	}
	keepalives := int64(c.lasts / (2 * time.Hour))
	return 4 + c.up/1400 + c.down/2800 + keepalives, 3 + c.down/1400 + c.up/2800 + keepalives
}

// services are the protocols that Zeek recognizes, by port.
var services = map[uint16]string{
	22: "ssh", 25: "smtp", 53: "dns", 80: "http", 88: "krb_tcp", 123: "ntp", 135: "dce_rpc", 161: "snmp", 389: "ldap_tcp", 443: "ssl",
	445: "gssapi,smb", 587: "smtp", 636: "ssl", 993: "ssl", 3268: "ldap_tcp", 3306: "mysql", 3389: "rdp,ssl", 5432: "postgresql",
	5985: "http", 8080: "http", 8443: "ssl",
}

func (c *connection) service() string {
	if !c.udp && !c.established() || c.up+c.down == 0 {
		return ""
	}
	return services[c.port]
}

// retransmission is when a system sends its n-th SYN again: 1, 3, 7, … s after
// the first.
func retransmission(n uint8) time.Duration {
	return time.Duration(uint64(1)<<n-1) * time.Second
}
