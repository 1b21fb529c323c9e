package event

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// The streams, and under which subjects they take messages.
const (
	StreamSnapshots   = "SNAPSHOTS"   // snapshot.<host>
	StreamConnections = "CONNECTIONS" // connection.<host>
	StreamAlerts      = "ALERTS"      // alert.<severity>.<rule>
	StreamIncidents   = "INCIDENTS"   // incident.<id>
	StreamDeadLetters = "DEADLETTERS" // deadletter.<service>
)

// SnapshotSubject is where a host's snapshots go.
func SnapshotSubject(host string) string { return "snapshot." + Token(host) }

// ConnectionSubject is where a host's connections go.
func ConnectionSubject(host string) string { return "connection." + Token(host) }

// AlertSubject is where a rule's alerts go. A rule's id is a token as it is.
func AlertSubject(severity Severity, rule string) string {
	return "alert." + severity.String() + "." + rule
}

// IncidentSubject is where an incident's states go.
func IncidentSubject(id string) string { return "incident." + Token(id) }

// DeadLetterSubject is where a service puts what it could not handle.
func DeadLetterSubject(service string) string { return "deadletter." + Token(service) }

// ControlSubject is where a host's poller listens for [Control] messages.
func ControlSubject(host string) string { return "control." + Token(host) }

// Token makes one subject token, which is also a valid key of a key-value
// bucket, of any name: letters, digits, - and _ stand for themselves, every
// other byte becomes =XX in upper-case hexadecimal. The empty name becomes a
// lone =.
func Token(name string) string {
	if name == "" {
		return "="
	}
	if strings.IndexFunc(name, func(r rune) bool { return r > 0x7f || !plain(byte(r)) }) < 0 {
		return name
	}
	var b strings.Builder
	for i := range len(name) {
		if c := name[i]; plain(c) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "=%02X", c)
		}
	}
	return b.String()
}

// FromToken undoes Token. It rejects what Token doesn't write, so that no two
// tokens stand for one name.
func FromToken(token string) (string, error) {
	name := make([]byte, 0, len(token))
	for i := 0; i < len(token) && token != "="; i++ {
		if token[i] != '=' {
			name = append(name, token[i])
			continue
		}
		escaped, err := hex.DecodeString(token[i+1 : min(i+3, len(token))])
		if err != nil || len(escaped) != 1 {
			return "", fmt.Errorf("token %.64q: byte %d begins no escape =XX", token, i)
		}
		name = append(name, escaped...)
		i += 2
	}
	if Token(string(name)) != token {
		return "", fmt.Errorf("token %.64q: not as %.64q is written", token, name)
	}
	return string(name), nil
}

func plain(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}
