package scaffold

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"headstart/term"
)

// unknownTime stands in the tests where nobody has played them yet.
const unknownTime = "14:31:00"

// File is the rule's file. firesAt is when it fires in its first test, and where:
// "14:31:00 web-01"; empty: that is not known yet.
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

// describe says what the rule finds, and what is left to say.
func (d *Draft) describe() string {
	direction := "Connections that hosts open"
	if d.Inbound {
		direction = "Connections that hosts are reached by"
	}
	why := map[Kind]string{
		Connection: direction + ", as the condition says.",
		Long:       direction + ", as the condition says, that last longer than " + term.Duration(d.Length) + ".",
		Count:      fmt.Sprintf("One originator that connects to %d hosts or more within %s.", d.AtLeast, term.Duration(d.Within)),
		Sequence:   "Somebody connects to a host, and the host connects to another within " + term.Duration(d.Within) + ".",
	}[d.Kind]
	return why + "\n\n(To be written: why that matters here, what it assumes, and what is known to look\nlike it and is harmless.)"
}

// condition writes what the rule asks for.
func (d *Draft) condition(b *strings.Builder) {
	switch d.Kind {
	case Long:
		fmt.Fprintf(b, "thresholds:\n  session: %s\n", term.Duration(d.Length))
	case Count:
		fmt.Fprintf(b, "thresholds:\n  hosts: %d\n", d.AtLeast)
	case Sequence:
		fmt.Fprintf(b, "sequence:\n  within: %s\n  steps:\n", term.Duration(d.Within))
		second := End{}
		d.step(b, d.asks(true, d.Service, d.Host, d.Peer))
		d.step(b, d.asks(false, d.Then, d.Host, second))
		return
	}
	block(b, "when", 0, strings.Join(d.asks(d.Inbound, d.Service, d.Host, d.Peer), "\nand "))
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

// asks are the terms of a condition.
func (d *Draft) asks(inbound bool, s Service, host, peer End) []string {
	direction := `conn.direction == "outbound"`
	if inbound {
		direction = `conn.direction == "inbound"`
	}
	all := []string{direction, s.Asks}
	if d.State != "" {
		all = append(all, d.State)
	}
	for _, end := range []End{host, peer} {
		if end.Asks != "" {
			all = append(all, end.Asks)
		}
	}
	return append(all, "not conn.loopback")
}

// block writes a text of several lines.
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

// quoted writes a text of one line so that YAML reads it as it is.
func quoted(text string) string {
	text = strings.Join(strings.Fields(term.Plain(text)), " ")
	if plainText.MatchString(text) && strings.ContainsAny(text, "abcdefghijklmnopqrstuvwxyz ") && text != "true" && text != "false" && text != "null" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}

// clock writes a time of the day.
func clock(d time.Duration) string {
	return time.Time{}.Add(d).Format(time.TimeOnly)
}
