package score

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Page is docs/detection.md: what is found, what isn't, and how it is measured.
type Page struct {
	Command string // that makes the page
	Polls   []Poll
}

// Poll is the summary of replays at one polling interval.
type Poll struct {
	Interval time.Duration
	Summary  Summary
}

const intro = `# What is detected

Detection is measured on synthetic companies: each has its own hosts, traffic, failures and changes for ten days, and most have one
intrusion after the days of learning. Their logs are replayed through the engine with the default ruleset, and the incidents are
compared with what the attackers did. This page is made by

    %s

which is deterministic; ` + "`--details FILE`" + ` writes every intrusion and every false incident as a JSON line. The rows are

- **kind**: *exploratory* looks around for the next host, *aggressive* takes many hosts fast, *targeted* takes the shortest way to
  data, *slow* waits for hours or days between moves, *reference* is the incident of 14:30 to 17:30 that the design starts from.
- **stealth**: 0 is noisy, at any hour; 1 keeps to working hours and common services; 2 uses only edges (source, destination, port)
  that the company uses anyway.

An intrusion is *detected* when a notified incident names one of its connections. The *delay* runs from the first lateral connection
that a poll is certain to show to the notification; it is negative if something earlier gave the attacker away. *Path recall* is the
share of an intrusion's successful edges between monitored hosts that the incidents' paths hold: of all intrusions, and of detected
ones. ` + "`headstart score --help`" + ` has the exact definitions.

**What isn't found**: an attacker of stealth 2 is hardly distinguishable from the administrator whose edges they use. They are found
by times, lengths and sequences that differ, or not at all. Nothing is found between two hosts without pollers.
`

// Write writes the page.
func (p Page) Write(w io.Writer) error {
	if _, err := fmt.Fprintf(w, intro, p.Command); err != nil {
		return err
	}
	for _, poll := range p.Polls {
		if _, err := fmt.Fprintf(w, "\n## Polled every %s\n\n", poll.Interval); err != nil {
			return err
		}
		if err := poll.Summary.WriteMarkdown(w); err != nil {
			return err
		}
	}
	return nil
}

// WriteMarkdown writes the table and what false incidents are made of.
func (s Summary) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s |\n|%s\n", strings.Join(columns, " | "), strings.Repeat(" --- |", len(columns)))
	for _, r := range s.Rows {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(r.cells(), " | "))
	}
	fmt.Fprintf(&b, "\n%s\n", s.falseLine())
	if len(s.False) > 0 {
		fmt.Fprintf(&b, "\n%s\n", s.falseRules())
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// shownRules is how many rules the page names.
const shownRules = 6

// falseRules is a sentence on the rules of false incidents, and on how many have
// a known cause.
func (s Summary) falseRules() string {
	counts, explained := map[string]int{}, 0
	for _, f := range s.False {
		for _, r := range f.Rules {
			counts[r]++
		}
		if len(f.Around) > 0 {
			explained++
		}
	}
	rules := byCount(counts)
	text := fmt.Sprintf("%d of them coincide with a harmless event of the company.", explained)
	for k, r := range rules[:min(shownRules, len(rules))] {
		switch k {
		case 0:
			text += fmt.Sprintf(" Most hold alerts of `%s` (%d)", r, counts[r])
		default:
			text += fmt.Sprintf(", `%s` (%d)", r, counts[r])
		}
	}
	if len(rules) > 0 {
		text += "."
	}
	return text
}
