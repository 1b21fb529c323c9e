package ruletest_test

// Why a mutant behaves like its rule.
const (
	loopback   = "of a connection to itself the baseline knows nothing, and the rule asks it to"
	samePair   = "the other step asks for it, of the same two ends"
	samePort   = "the other step asks for it, of the same port"
	aloneOpen  = "for alone asks that it is open, and what is attempted doesn't last that long or leaves the host"
	isOutbound = "who sees an attempt is its originator"
	noAttempts = "who sees an attempt is its originator, and the rule asks for what comes in"
	emptyList  = "the list has nothing in it as it is shipped"
	alsoAdmin  = "roles.administration has all roles of roles.scanner"
	twoReads   = "hosts are read every 30 s, and the proof takes longer than any of these"
)

// equivalent are the mutants that behave like their rule, by rule and by change,
// with the reason.
var equivalent = map[string]map[string]string{
	"administration-at-unusual-hour": {
		"without baseline.known":    "an edge that was seen on three days is known",
		"without not conn.loopback": loopback,
	},
	"administration-from-unattended-server": {"without not conn.loopback": loopback},
	"call-back-after-login": {
		"step 1: without peer.internal":     samePair,
		"step 1: without not conn.loopback": loopback,
		"step 2: without peer.internal":     samePair,
		"step 2: without not conn.loopback": samePair,
	},
	"database-session-longer-than-usual": {"without not conn.loopback": loopback},
	"download-after-login": {
		"step 1: without not conn.attempted": noAttempts,
		"step 1: without not conn.loopback":  loopback,
		"step 2: without not conn.loopback":  loopback,
	},
	"external-source-on-several-hosts": {
		"without conn.open":                             aloneOpen,
		"conn.peer in an empty list for networks.admin": emptyList,
		"without not (conn.peer in networks.admin)":     emptyList,
	},
	"listener-then-visitor": {
		"step 1: conn.port in an empty list for ports.expected_listeners": samePort,
		"step 1: without not (conn.port in ports.expected_listeners)":     samePort,
		"step 1: conn.port in an empty list for ports.ephemeral":          samePort,
		"step 1: without not (conn.port in ports.ephemeral)":              samePort,
		"step 2: conn.port in an empty list for ports.expected_listeners": samePort,
		"step 2: without not (conn.port in ports.expected_listeners)":     samePort,
		"step 2: conn.port in an empty list for ports.ephemeral":          samePort,
		"step 2: without not (conn.port in ports.ephemeral)":              samePort,
		"step 1: without not conn.began_before":                           "a host that is first looked at is still learned",
	},
	"long-connection-outside": {"without conn.open": aloneOpen},
	"one-sided-connection": {
		"thresholds.hidden: 7s for 20s":   twoReads,
		"thresholds.hidden: 1m0s for 20s": twoReads,
	},
	"pivot-before-learning": {"without not conn.loopback": "no host is in a path twice"},
	"pivot-path":            {"without not conn.loopback": loopback},
	"remote-execution": {
		"step 1: without peer.internal":     "who has a role is ours",
		"step 1: without not conn.loopback": samePair,
		"step 2: without peer.internal":     samePair,
		"step 2: without not conn.loopback": samePair,
	},
	"smb-from-web-server": {
		"conn.peer in an empty list for networks.web_shares": emptyList,
		"without not (conn.peer in networks.web_shares)":     emptyList,
	},
	"ssh-session-long": {
		"without conn.open":                             aloneOpen,
		"conn.peer in an empty list for networks.admin": emptyList,
		"without not (conn.peer in networks.admin)":     emptyList,
	},
	"ssh-then-database": {
		"step 1: conn.peer in an empty list for networks.admin": emptyList,
		"step 1: without not (conn.peer in networks.admin)":     emptyList,
		"step 1: without not conn.loopback":                     loopback,
	},
	"stranger-after-login": {"step 2: without not baseline.known": "an edge that is known has been seen, unless an inventory approves it; the tests have none"},
	"subnets-searched":     {"without conn.direction == \"outbound\"": isOutbound},
	"unanswered-on-unusual-port": {
		"without conn.direction == \"outbound\"": isOutbound,
		"without not conn.loopback":              loopback,
	},
	"unanswered-sweep":        {"without conn.direction == \"outbound\"": isOutbound},
	"unusual-database-client": {"without not conn.loopback": loopback},
	"unusual-edges":           {"without not conn.loopback": loopback},
	"unusual-remote-administration": {
		"host in an empty list for roles.scanner":                                alsoAdmin,
		"peer in an empty list for roles.scanner":                                alsoAdmin,
		"without not (host in roles.scanner and conn.direction == \"outbound\")": alsoAdmin,
		"without not (peer in roles.scanner and conn.direction == \"inbound\")":  alsoAdmin,
		"without not conn.loopback":                                              loopback,
	},
	"unusual-remote-administration-attempt": {
		"without conn.direction == \"outbound\" in (host in roles.scanner and conn.direction == \"outbound\")": isOutbound,
		"peer in an empty list for roles.scanner":                                                              isOutbound,
		"without peer in roles.scanner in (peer in roles.scanner and conn.direction == \"inbound\")":           isOutbound,
		"without not (peer in roles.scanner and conn.direction == \"inbound\")":                                isOutbound,
		"without not conn.loopback": loopback,
	},
	"unusual-remote-administration-by-habit": {"without not conn.loopback": loopback},
	"unusual-server-edge": {
		"without baseline.days == 0": "an edge that was seen before is one of its originator's peers",
		"without not conn.loopback":  loopback,
	},
}
