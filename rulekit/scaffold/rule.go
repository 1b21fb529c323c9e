package scaffold

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"headstart/term"
)

// unknownTime is the time in tests that have not been run yet.
const unknownTime = "14:31:00"

// File returns the file of the rule. firesAt is time and host of its alert in the
// first test, "14:31:00 web-01"; empty if they are not known yet.
func (d *Draft) File(firesAt string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "rule: %s\ntitle: %s\nseverity: %s\n", d.ID, quoted(d.Title), d.Severity)
	if len(d.Attack) > 0 {
		fmt.Fprintf(&b, "attack: [%s]\n", strings.Join(d.Attack, ", "))
	}
	block(&b, "description", 0, d.describe())
	block(&b, "guide", 0, guide)
	d.condition(&b)
	d.tests(&b, firesAt)
	return b.String()
}

const guide = `1. (To be written: whom to ask, and what to look at first on the host.)
2. (To be written: what makes it harmless, and what is to be done if nothing does.)`

// describe returns the description, with a placeholder for the rest.
func (d *Draft) describe() string {
	direction := "Outbound connections of hosts"
	if d.Inbound {
		direction = "Inbound connections of hosts"
	}
	why := map[Kind]string{
		Connection: direction + " that match the condition.",
		Long:       direction + " that match the condition, open for longer than " + term.Duration(d.Length) + ".",
		Count:      fmt.Sprintf("One originator that connects to %d hosts or more within %s.", d.AtLeast, term.Duration(d.Within)),
		Sequence:   "An inbound connection to a host, and an outbound one from it within " + term.Duration(d.Within) + ".",
	}[d.Kind]
	return why + "\n\n(To do: relevance, assumptions, and known harmless causes.)"
}

// condition writes the condition of the rule.
func (d *Draft) condition(b *strings.Builder) {
	switch d.Kind {
	case Long:
		fmt.Fprintf(b, "thresholds:\n  session: %s\n", term.Duration(d.Length))
	case Count:
		fmt.Fprintf(b, "thresholds:\n  hosts: %d\n", d.AtLeast)
	case Sequence:
		fmt.Fprintf(b, "sequence:\n  within: %s\n  steps:\n", term.Duration(d.Within))
		second := End{}
		d.step(b, d.terms(true, d.Service, d.Host, d.Peer))
		d.step(b, d.terms(false, d.Then, d.Host, second))
		return
	}
	block(b, "when", 0, strings.Join(d.terms(d.Inbound, d.Service, d.Host, d.Peer), "\nand "))
	switch d.Kind {
	case Long:
		b.WriteString("for: thresholds.session\n")
	case Count:
		fmt.Fprintf(b, "count:\n  by: [conn.originator, conn.port]\n  of: conn.responder\n  within: %s\n  at_least: thresholds.hosts\n", term.Duration(d.Within))
	}
}

func (d *Draft) step(b *strings.Builder, asks []string) {
	b.WriteString("    - when: |\n")
	for i, one := range asks {
		if i > 0 {
			one = "and " + one
		}
		b.WriteString("        " + one + "\n")
	}
	b.WriteString("      by: host.name\n")
}

// terms returns the terms of a condition.
func (d *Draft) terms(inbound bool, s Service, host, peer End) []string {
	direction := `conn.direction == "outbound"`
	if inbound {
		direction = `conn.direction == "inbound"`
	}
	all := []string{direction, s.Term}
	if d.State != "" {
		all = append(all, d.State)
	}
	for _, end := range []End{host, peer} {
		if end.Term != "" {
			all = append(all, end.Term)
		}
	}
	return append(all, "not conn.loopback")
}

// block writes a text with several lines.
func block(b *strings.Builder, field string, indent int, text string) {
	in := strings.Repeat(" ", indent)
	b.WriteString(in + field + ": |\n")
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\n"); line != "" {
			line = in + "  " + line
		}
		b.WriteString(line + "\n")
	}
}

var plainText = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 ,.()/'-]*$`)

// quoted returns a line of text as a YAML string.
func quoted(text string) string {
	text = strings.Join(strings.Fields(term.Plain(text)), " ")
	if plainText.MatchString(text) && strings.ContainsAny(text, "abcdefghijklmnopqrstuvwxyz ") && text != "true" && text != "false" && text != "null" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}

// clock formats a time of day.
func clock(d time.Duration) string {
	return time.Time{}.Add(d).Format(time.TimeOnly)
}
