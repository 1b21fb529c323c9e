package cli

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	xterm "golang.org/x/term"

	"headstart/daemon"
	"headstart/detect/rule"
	"headstart/event"
	"headstart/rulekit/scaffold"
	"headstart/suggest"
	"headstart/term"
)

// answers are what a new rule is made of, as they were given: by flags, or by
// somebody who was asked.
type answers struct {
	id, title, severity, kind, direction string
	port, thenPort, role, peer           string
	length, within, atLeast              string
	attack                               []string
}

func (a *answers) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&a.title, "title", "", "`line` that says what was found")
	f.StringVar(&a.id, "id", "", "`id` of the rule (default: made of the title)")
	f.StringVar(&a.severity, "severity", "", "`severity`: info, low, medium, high or critical (default medium)")
	f.StringVar(&a.kind, "kind", "", "`what` the rule looks at: "+strings.Join(scaffold.Kinds(), ", "))
	f.StringVar(&a.direction, "direction", "", "`direction` of the connections, as the host sees it: outbound or inbound (default outbound)")
	f.StringVar(&a.port, "port", "", "`port` of the service, or a list of lists.yaml, such as ssh")
	f.StringVar(&a.thenPort, "then-port", "", "`port` of the second step of a sequence, or a list")
	f.StringVar(&a.role, "role", "", "`role` of the hosts, or a list of lists.yaml, such as web (default: any)")
	f.StringVar(&a.peer, "peer-is", "", "`what` the other end is: external, internal, a role or a list (default: any)")
	f.StringVar(&a.length, "for", "", "`time` that a long connection lasts (default 5m)")
	f.StringVar(&a.atLeast, "at-least", "", "`number` of hosts of a count (default 5)")
	f.StringVar(&a.within, "within", "", "`time` in which a count or a sequence comes together (default 10m)")
	f.StringSliceVar(&a.attack, "attack", nil, "`ids` of ATT&CK techniques (default: by the service)")
	complete(c, "kind", scaffold.Kinds()...)
	complete(c, "severity", severities()...)
	complete(c, "direction", "outbound", "inbound")
}

func severities() (names []string) {
	for s := event.Info; s <= event.Critical; s++ {
		names = append(names, s.String())
	}
	return names
}

// question is one that is asked where its flag is not given.
type question struct {
	flag      string
	into      *string
	text      string
	otherwise string // what an empty answer means
	asked     bool   // whether it is one of this rule's
}

// lacks reports whether a question has to be asked: nothing says what its answer
// is otherwise.
func lacks(c *cobra.Command, questions []question) bool {
	return slices.ContainsFunc(questions, func(q question) bool {
		return q.asked && *q.into == "" && q.otherwise == "" && !c.Flags().Changed(q.flag)
	})
}

// ask asks what the flags leave open, if somebody is there to answer and they
// leave open something that has to be said.
func (a *answers) ask(c *cobra.Command, questions func() []question) error {
	in := c.InOrStdin()
	if f, ok := in.(*os.File); ok && !xterm.IsTerminal(int(f.Fd())) {
		return nil
	}
	if !lacks(c, questions()) {
		return nil
	}
	lines := bufio.NewReader(io.LimitReader(in, 1<<16))
	for n := 0; n < len(questions()); n++ {
		q := questions()[n] // what was answered decides what is asked
		if !q.asked || *q.into != "" || c.Flags().Changed(q.flag) {
			continue
		}
		text := q.text
		if q.otherwise != "" {
			text += " [" + q.otherwise + "]"
		}
		fmt.Fprint(c.ErrOrStderr(), text+": ")
		line, err := lines.ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if *q.into = cmp.Or(strings.TrimSpace(line), q.otherwise); errors.Is(err, io.EOF) && line == "" {
			fmt.Fprintln(c.ErrOrStderr())
			return nil
		}
	}
	return nil
}

// draft makes a draft of the answers.
func (a *answers) draft(c *cobra.Command, set *rule.Set) (*scaffold.Draft, error) {
	err := a.ask(c, func() []question {
		kind := scaffold.Kind(a.kind)
		return []question{
			{"title", &a.title, "What was found, in a line", "", true},
			{"id", &a.id, "Its id", scaffold.IDOf(a.title), true},
			{"kind", &a.kind, "What to look at: one connection, a long one, a count of several, a sequence (" + strings.Join(scaffold.Kinds(), ", ") + ")", string(scaffold.Connection), true},
			{"direction", &a.direction, "Connections that the host opens (outbound) or is reached by (inbound)", "outbound", kind != scaffold.Sequence},
			{"port", &a.port, "The service: a port, or a list such as " + someLists(set, "ports"), "", true},
			{"then-port", &a.thenPort, "The service of the second step, which the host reaches then", "", kind == scaffold.Sequence},
			{"role", &a.role, "Which hosts: a role, or a list such as " + someLists(set, "roles"), "any", true},
			{"peer-is", &a.peer, "What the other end is: external, internal, a role or a list", "any", kind != scaffold.Count || a.direction == "outbound"},
			{"for", &a.length, "How long it lasts", "5m", kind == scaffold.Long},
			{"at-least", &a.atLeast, "How many hosts", "5", kind == scaffold.Count},
			{"within", &a.within, "Within which time", "10m", kind == scaffold.Count || kind == scaffold.Sequence},
			{"severity", &a.severity, "Severity (" + strings.Join(severities(), ", ") + ")", "medium", true},
		}
	})
	if err != nil {
		return nil, err
	}
	return a.check(set)
}

func someLists(set *rule.Set, kind string) string {
	var names []string
	for _, d := range set.Definitions {
		if d.Kind == kind && len(names) < 4 {
			names = append(names, d.Name)
		}
	}
	return strings.Join(names, ", ")
}

// about completes a draft of a connection.
func (a *answers) about(c *cobra.Command, d *scaffold.Draft) error {
	err := a.ask(c, func() []question {
		return []question{
			{"title", &a.title, "What was found, in a line", "", true},
			{"id", &a.id, "Its id", scaffold.IDOf(a.title), true},
			{"severity", &a.severity, "Severity (" + strings.Join(severities(), ", ") + ")", "medium", true},
		}
	})
	if err != nil {
		return err
	}
	problems := a.name(d)
	for flag, given := range map[string]string{
		"kind": a.kind, "direction": a.direction, "port": a.port, "then-port": a.thenPort, "role": a.role, "peer-is": a.peer, "for": a.length, "at-least": a.atLeast, "within": a.within,
	} {
		if given != "" {
			problems = append(problems, daemon.Usage("--%s: with --from-conn, the connection says it", flag))
		}
	}
	return errors.Join(problems...)
}

// name sets what a rule is called.
func (a *answers) name(d *scaffold.Draft) (problems []error) {
	d.Title, d.ID, d.Severity = a.title, cmp.Or(a.id, scaffold.IDOf(a.title)), cmp.Or(a.severity, "medium")
	if len(a.attack) > 0 {
		d.Attack = a.attack
	}
	if strings.TrimSpace(a.title) == "" {
		problems = append(problems, daemon.Usage("--title: say in a line what was found"))
	} else if d.ID == "" || scaffold.IDOf(d.ID) != d.ID {
		problems = append(problems, daemon.Usage("--id %q: want lower-case letters and digits, with single hyphens between", d.ID))
	}
	if !slices.Contains(severities(), d.Severity) {
		problems = append(problems, daemon.Usage("--severity %q: want %s%s", d.Severity, strings.Join(severities(), ", "), suggest.DidYouMean(d.Severity, severities())))
	}
	return problems
}

// check makes a draft of the answers, or says everything that is wrong with them.
func (a *answers) check(set *rule.Set) (*scaffold.Draft, error) {
	kind := cmp.Or(a.kind, string(scaffold.Connection))
	d := &scaffold.Draft{Kind: scaffold.Kind(kind), Inbound: a.direction == "inbound"}
	problems := a.name(d)
	if !slices.Contains(scaffold.Kinds(), kind) {
		problems = append(problems, daemon.Usage("--kind %q: want %s%s", kind, strings.Join(scaffold.Kinds(), ", "), suggest.DidYouMean(kind, scaffold.Kinds())))
	}
	if a.direction != "" && a.direction != "inbound" && a.direction != "outbound" {
		problems = append(problems, daemon.Usage("--direction %q: want outbound or inbound", a.direction))
	}
	note := func(err error) {
		if err != nil {
			problems = append(problems, err)
		}
	}
	var err error
	d.Service, err = serviceNamed(set, "port", a.port)
	note(err)
	if d.Kind == scaffold.Sequence {
		d.Then, err = serviceNamed(set, "then-port", a.thenPort)
		note(err)
	}
	d.Host, err = endNamed(set, "role", "host", a.role)
	note(err)
	d.Peer, err = endNamed(set, "peer-is", "peer", a.peer)
	note(err)
	d.Length, err = timeNamed("for", a.length, 5*time.Minute, scaffold.MaxLength)
	note(err)
	d.Within, err = timeNamed("within", a.within, 10*time.Minute, scaffold.MaxWithin)
	note(err)
	d.AtLeast, err = strconv.Atoi(cmp.Or(a.atLeast, "5"))
	if err != nil || d.AtLeast < 2 || d.AtLeast > scaffold.MaxAtLeast {
		note(daemon.Usage("--at-least %q: want a number from 2 to %d", a.atLeast, scaffold.MaxAtLeast))
	}
	if len(d.Attack) == 0 {
		d.Attack = scaffold.Techniques(set, d.Service.Port)
	}
	if d.Kind != scaffold.Count {
		d.State = "conn.open"
	}
	return d, errors.Join(problems...)
}

// serviceNamed reads a port, or the name of a list of ports.
func serviceNamed(set *rule.Set, flag, text string) (scaffold.Service, error) {
	name := strings.TrimPrefix(text, "ports.")
	if port, err := strconv.ParseUint(name, 10, 16); err == nil && port > 0 {
		s := scaffold.ServiceOf(set, uint16(port))
		s.Asks = fmt.Sprintf("conn.port == %d", port) // who names a port means that one
		return s, nil
	}
	if entries := set.Entries("ports", name); len(entries) > 0 {
		first, _, _ := strings.Cut(entries[0], "-")
		port, _ := strconv.ParseUint(first, 10, 16)
		s := scaffold.ServiceOf(set, uint16(port))
		s.Asks = "conn.port in ports." + name
		for set.HasPort(name, s.Other) && s.Other < 65535 {
			s.Other++
		}
		return s, nil
	}
	if text == "" {
		return scaffold.Service{}, daemon.Usage("--%s: name the service, by its port or a list of lists.yaml", flag)
	}
	return scaffold.Service{}, daemon.Usage("--%s %q: want a port, or a list that has some%s", flag, term.Plain(text), suggest.DidYouMean(name, listsOf(set, "ports")))
}

func listsOf(set *rule.Set, kind string) (names []string) {
	for _, d := range set.Definitions {
		if d.Kind == kind {
			names = append(names, d.Name)
		}
	}
	return names
}

// endNamed reads what an end is: nothing, a list of roles, a role, and of the
// other end also external or internal.
func endNamed(set *rule.Set, flag, end, text string) (scaffold.End, error) {
	e := scaffold.End{Name: "web-01", Address: "10.1.1.11"}
	if end == "peer" {
		e = scaffold.End{Name: "other-01", Address: "10.1.6.11"}
	}
	name := strings.TrimPrefix(text, "roles.")
	entries := set.Entries("roles", name)
	switch {
	case text == "" || text == "any":
	case end == "peer" && text == "external":
		e.Asks, e.Name, e.Address, e.External = "peer.external", "stranger-01", "203.0.113.7", true
	case end == "peer" && text == "internal":
		e.Asks = "peer.internal"
	case len(entries) > 0:
		e.Asks, e.Roles = end+" in roles."+name, entries[:1]
		if slices.Contains(entries, name) {
			e.Roles = []string{name}
		}
	case strings.HasPrefix(text, "roles.") || strings.ContainsAny(text, " \t\"'\\") || len(text) > event.MaxName:
		return e, daemon.Usage("--%s %q: want a role, or a list that has some%s", flag, term.Plain(text), suggest.DidYouMean(name, listsOf(set, "roles")))
	default:
		e.Asks, e.Roles = fmt.Sprintf("%q in %s.roles", text, end), []string{text}
	}
	return e, nil
}

func timeNamed(flag, text string, otherwise, most time.Duration) (time.Duration, error) {
	if text == "" {
		return otherwise, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Minute || d > most {
		return 0, daemon.Usage("--%s %q: want a time from 1m to %s", flag, text, term.Duration(most))
	}
	return d, nil
}
