package rules

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"headstart/cli/cmdutil"
	"headstart/daemon"
	"headstart/detect/rule"
	"headstart/event"
	"headstart/rulekit/scaffold"
	"headstart/suggest"
	"headstart/term"
)

// newFlags describe a new rule.
type newFlags struct {
	id, title, severity, kind, direction string
	port, thenPort, role, peer           string
	length, within                       time.Duration
	atLeast                              int
	attack                               []string
}

var directions = []string{"outbound", "inbound"}

func (n *newFlags) define(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&n.title, "title", "", "`title` of the alerts, one line")
	f.StringVar(&n.id, "id", "", "`id` of the rule (default: made from the title)")
	f.StringVar(&n.severity, "severity", "medium", "`severity`: info, low, medium, high or critical")
	f.StringVar(&n.kind, "kind", string(scaffold.Connection), "`kind` of rule: "+strings.Join(scaffold.Kinds(), ", "))
	f.StringVar(&n.direction, "direction", "outbound", "`direction` of the connections, from the host: outbound or inbound")
	f.StringVar(&n.port, "port", "", "`port` of the service, or a list of lists.yaml such as ssh")
	f.StringVar(&n.thenPort, "then-port", "", "`port` or list for the second step of a sequence")
	f.StringVar(&n.role, "role", "", "`role` of the hosts, or a list of lists.yaml such as web (default: any)")
	f.StringVar(&n.peer, "peer-is", "", "external, internal, a `role` or a list, for the peer (default: any)")
	f.DurationVar(&n.length, "for", 5*time.Minute, "`duration` of a long connection, 1m to "+term.Duration(scaffold.MaxLength))
	f.IntVar(&n.atLeast, "at-least", 5, fmt.Sprintf("`number` of hosts of a count, 2 to %d", scaffold.MaxAtLeast))
	f.DurationVar(&n.within, "within", 10*time.Minute, "`window` of a count or a sequence, 1m to "+term.Duration(scaffold.MaxWithin))
	f.StringSliceVar(&n.attack, "attack", nil, "`ids` of ATT&CK techniques (default: by the service)")
	cmdutil.Complete(c, "kind", scaffold.Kinds()...)
	cmdutil.Complete(c, "severity", severities()...)
	cmdutil.Complete(c, "direction", directions...)
}

func severities() (names []string) {
	for s := event.Info; s <= event.Critical; s++ {
		names = append(names, s.String())
	}
	return names
}

// complete names a draft that is made from a connection. The other flags would
// contradict it.
func (n *newFlags) complete(c *cobra.Command, d *scaffold.Draft) error {
	problems := n.name(d)
	for _, flag := range []string{"kind", "direction", "port", "then-port", "role", "peer-is", "for", "at-least", "within"} {
		if c.Flags().Changed(flag) {
			problems = append(problems, daemon.Usage("--%s and --from-conn exclude each other", flag))
		}
	}
	return errors.Join(problems...)
}

// oneOf returns a usage error unless a flag has one of the values.
func oneOf(flag, value string, values []string) error {
	if slices.Contains(values, value) {
		return nil
	}
	return daemon.Usage("--%s %q: want %s%s", flag, value, strings.Join(values, ", "), suggest.DidYouMean(value, values))
}

// name sets id, title, severity and techniques.
func (n *newFlags) name(d *scaffold.Draft) []error {
	d.Title, d.ID, d.Severity = n.title, cmp.Or(n.id, scaffold.IDOf(n.title)), n.severity
	if len(n.attack) > 0 {
		d.Attack = n.attack
	}
	problems := []error{oneOf("severity", n.severity, severities())}
	if strings.TrimSpace(n.title) == "" {
		problems = append(problems, daemon.Usage("--title: want one line that describes the alert"))
	} else if d.ID == "" || scaffold.IDOf(d.ID) != d.ID {
		problems = append(problems, daemon.Usage("--id %q: want lower-case letters and digits, separated by single hyphens", d.ID))
	}
	return problems
}

// draft returns the draft that the flags describe, or every mistake in them.
func (n *newFlags) draft(set *rule.Set) (*scaffold.Draft, error) {
	d := &scaffold.Draft{Kind: scaffold.Kind(n.kind), Inbound: n.direction == "inbound", Length: n.length, Within: n.within, AtLeast: n.atLeast}
	problems := append(n.name(d), oneOf("kind", n.kind, scaffold.Kinds()), oneOf("direction", n.direction, directions),
		checkDuration("for", n.length, scaffold.MaxLength), checkDuration("within", n.within, scaffold.MaxWithin))
	var errs [4]error
	d.Service, errs[0] = serviceNamed(set, "port", n.port)
	if d.Kind == scaffold.Sequence {
		d.Then, errs[1] = serviceNamed(set, "then-port", n.thenPort)
	}
	d.Host, errs[2] = hostNamed(set, n.role)
	d.Peer, errs[3] = peerNamed(set, n.peer)
	problems = append(problems, errs[:]...)
	if n.atLeast < 2 || n.atLeast > scaffold.MaxAtLeast {
		problems = append(problems, daemon.Usage("--at-least %d: want 2 to %d", n.atLeast, scaffold.MaxAtLeast))
	}
	if len(d.Attack) == 0 {
		d.Attack = scaffold.Techniques(set, d.Service.Port)
	}
	if d.Kind != scaffold.Count {
		d.State = "conn.open"
	}
	return d, errors.Join(problems...)
}

func checkDuration(flag string, d, most time.Duration) error {
	if d < time.Minute || d > most {
		return daemon.Usage("--%s %s: want 1m to %s", flag, d, term.Duration(most))
	}
	return nil
}

// serviceNamed returns the service of a port, or of a list of ports.
func serviceNamed(set *rule.Set, flag, text string) (scaffold.Service, error) {
	name := strings.TrimPrefix(text, "ports.")
	if port, err := strconv.ParseUint(name, 10, 16); err == nil && port > 0 {
		s := scaffold.ServiceOf(set, uint16(port))
		s.Term = fmt.Sprintf("conn.port == %d", port) // not a list that has the port
		return s, nil
	}
	if entries := set.Entries("ports", name); len(entries) > 0 {
		first, _, _ := strings.Cut(entries[0], "-")
		port, _ := strconv.ParseUint(first, 10, 16)
		s := scaffold.ServiceOf(set, uint16(port))
		s.Term = "conn.port in ports." + name
		for set.HasPort(name, s.Other) && s.Other < 65535 {
			s.Other++
		}
		return s, nil
	}
	if text == "" {
		return scaffold.Service{}, daemon.Usage("--%s: want the service: a port, or a list of lists.yaml", flag)
	}
	return scaffold.Service{}, daemon.Usage("--%s %q: want a port, or a list of ports%s", flag, term.Plain(text), suggest.DidYouMean(name, listsOf(set, "ports")))
}

func listsOf(set *rule.Set, kind string) (names []string) {
	for _, d := range set.Definitions {
		if d.Kind == kind {
			names = append(names, d.Name)
		}
	}
	return names
}

// hostNamed returns the hosts of --role: any, or those of a role or a list.
func hostNamed(set *rule.Set, text string) (scaffold.End, error) {
	return withRole(set, "host", text, scaffold.End{Name: "web-01", Address: "10.1.1.11"})
}

// peerNamed returns the peers of --peer-is.
func peerNamed(set *rule.Set, text string) (scaffold.End, error) {
	e := scaffold.End{Name: "other-01", Address: "10.1.6.11"}
	switch text {
	case "external":
		return scaffold.End{Term: "peer.external", Name: "stranger-01", Address: "203.0.113.7", External: true}, nil
	case "internal":
		e.Term = "peer.internal"
		return e, nil
	}
	return withRole(set, "peer", text, e)
}

func withRole(set *rule.Set, end, text string, e scaffold.End) (scaffold.End, error) {
	flag := map[string]string{"host": "role", "peer": "peer-is"}[end]
	name := strings.TrimPrefix(text, "roles.")
	entries := set.Entries("roles", name)
	switch {
	case text == "" || text == "any":
	case len(entries) > 0:
		e.Term, e.Roles = end+" in roles."+name, entries[:1]
		if slices.Contains(entries, name) {
			e.Roles = []string{name}
		}
	case strings.HasPrefix(text, "roles.") || strings.ContainsAny(text, " \t\"'\\") || len(text) > event.MaxName:
		return e, daemon.Usage("--%s %q: want a role, or a list of roles%s", flag, term.Plain(text), suggest.DidYouMean(name, listsOf(set, "roles")))
	default:
		e.Term, e.Roles = fmt.Sprintf("%q in %s.roles", text, end), []string{text}
	}
	return e, nil
}
