package scaffold

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"headstart/detect/rule"
	"headstart/event"
)

// Like returns the draft of a rule for connections like an example: with the same
// direction, service, roles of both ends, and side of the network. The caller sets
// id, title and severity.
func Like(set *rule.Set, e *Example) (*Draft, error) {
	c := e.Connection
	if c == nil || c.Direction == 0 {
		return nil, fmt.Errorf("a listening socket has no peer: write its rule by hand, like new-listening-port")
	}
	d := &Draft{
		Kind: Connection, Inbound: c.Direction == event.Inbound,
		Service: ServiceOf(set, c.ServicePort()), Attack: Techniques(set, c.ServicePort()),
		Host: endOf(set, "host", e.Host), Peer: endOf(set, "peer", e.Peer),
	}
	d.Host.Address, d.Peer.Address = c.Local.String(), c.Remote.String()
	switch {
	case e.open:
		d.State = "conn.open"
	case e.opened:
		d.State = "not conn.attempted"
	}
	switch {
	case d.Peer.Term != "":
	case set.Internal(c.Remote):
		d.Peer.Term = "peer.internal"
	default:
		d.Peer.Term, d.Peer.External = "peer.external", e.Peer == nil
	}
	if d.Host.Name == "" {
		return nil, fmt.Errorf("the host that reported the connection is unknown")
	}
	if d.Host.Term == "" {
		d.Host.Term = "host.name == " + strconv.Quote(d.Host.Name)
	}
	d.Host.tame("host-01")
	d.Peer.tame("other-01")
	return d, nil
}

var (
	tameName = regexp.MustCompile(`^[A-Za-z0-9](\.?[A-Za-z0-9_-])*$`)
	tameRole = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)
)

// tame replaces names and roles that the tables of tests can't hold: hosts choose
// them.
func (e *End) tame(otherwise string) {
	if !tameName.MatchString(e.Name) {
		e.Name = otherwise
	}
	e.Roles = slices.DeleteFunc(slices.Clone(e.Roles), func(role string) bool {
		return !tameRole.MatchString(role) || role == "reports" || role == "listed"
	})
}

// endOf returns the end of a role: by the smallest list with one of its roles,
// else by the role.
func endOf(set *rule.Set, end string, h *rule.Host) (e End) {
	if h == nil {
		return e
	}
	e.Name, e.Roles = h.Name, h.Roles
	if list := smallest(set, "roles", func(d rule.Definition) bool {
		return slices.ContainsFunc(h.Roles, func(role string) bool { return slices.Contains(set.Entries("roles", d.Name), role) })
	}); list != "" {
		e.Term = end + " in roles." + list
	} else if len(h.Roles) > 0 {
		e.Term = fmt.Sprintf("%s in %s.roles", strconv.Quote(h.Roles[0]), end)
	}
	return e
}

// ServiceOf returns the service of a port: by the smallest list of a service that
// has it, else by its number.
func ServiceOf(set *rule.Set, port uint16) Service {
	s := Service{Port: port, Other: otherThan(func(p uint16) bool { return p == port })}
	list := smallest(set, "ports", func(d rule.Definition) bool {
		return d.Name != "expected_listeners" && d.Name != "ephemeral" && set.HasPort(d.Name, port)
	})
	if list == "" {
		s.Term = fmt.Sprintf("conn.port == %d", port)
		return s
	}
	s.Term = "conn.port in ports." + list
	s.Other = otherThan(func(p uint16) bool { return set.HasPort(list, p) })
	return s
}

// otherThan returns a well-known port that is not in a list.
func otherThan(is func(uint16) bool) uint16 {
	for _, p := range []uint16{8443, 443, 25, 9100} {
		if !is(p) {
			return p
		}
	}
	for p := uint16(1024); p < 65535; p++ {
		if !is(p) {
			return p
		}
	}
	return 1
}

// smallest returns the name of the matching list with the fewest entries; empty if
// none matches.
func smallest(set *rule.Set, kind string, fits func(rule.Definition) bool) string {
	name, size := "", 0
	for _, d := range set.Definitions {
		if d.Kind == kind && fits(d) && (name == "" || d.Size < size) {
			name, size = d.Name, d.Size
		}
	}
	return name
}

// Techniques returns the most likely ATT&CK techniques of a service.
func Techniques(set *rule.Set, port uint16) []string {
	for _, t := range []struct{ list, id string }{
		{"ssh", "T1021.004"}, {"smb", "T1021.002"}, {"rdp", "T1021.001"}, {"winrm", "T1021.006"}, {"database", "T1213.006"},
	} {
		if set.HasPort(t.list, port) {
			return []string{t.id}
		}
	}
	return []string{"T1071"}
}

// IDOf returns the id for a title.
func IDOf(title string) string {
	id := strings.Join(strings.FieldsFunc(strings.ToLower(title), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	}), "-")
	return strings.Trim(id[:min(len(id), 64)], "-")
}
