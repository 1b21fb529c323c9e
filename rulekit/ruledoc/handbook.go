// Package ruledoc writes a page about rules for those who answer alerts: what
// each finds, what it is worth, what it takes for normal, what to do. All of it is
// from the rules themselves, so the page is right as long as it is made anew
// (docs/rules.md is, by this package's test with -update).
//
// The same rules give the same bytes. It is pure.
package ruledoc

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"headstart/detect/rule"
	"headstart/term"
)

// Page returns a page in Markdown about rules. Those that are worth most come
// first in its table; below it they are in order of their ids. Source is the
// address of the directory with their files, as seen from the page; without one
// files are named, not linked.
func Page(rules []*rule.Rule, source string) string {
	var b strings.Builder
	b.WriteString("| rule | points, learning | severity | what it finds | ATT&CK |\n| --- | --- | --- | --- | --- |\n")
	for _, r := range byPoints(rules) {
		fmt.Fprintf(&b, "| [`%s`](#%s) | %g, %g | %s | %s | %s |\n", r.ID, r.ID, r.Score, r.ScoreLearning, r.Severity, cell(r.Title), techniques(r.Attack))
	}
	for _, r := range rules {
		section(&b, r, source)
	}
	return b.String()
}

func byPoints(rules []*rule.Rule) []*rule.Rule {
	sorted := slices.Clone(rules)
	slices.SortFunc(sorted, func(x, y *rule.Rule) int {
		return cmp.Or(cmp.Compare(y.Score, x.Score), cmp.Compare(y.ScoreLearning, x.ScoreLearning), strings.Compare(x.ID, y.ID))
	})
	return sorted
}

func section(b *strings.Builder, r *rule.Rule, source string) {
	fmt.Fprintf(b, "\n## %s\n\n**%s** · %s · %s\n", r.ID, r.Title, r.Severity, worth(r))
	if text := strings.TrimSpace(r.Description); text != "" {
		fmt.Fprintf(b, "\n%s\n", text)
	}
	b.WriteString("\n| | |\n| --- | --- |\n")
	row := func(name, text string) {
		if text != "" {
			fmt.Fprintf(b, "| %s | %s |\n", name, text)
		}
	}
	row("fires on", asks(r))
	row("thresholds", thresholds(r))
	row("ATT&CK", techniques(r.Attack))
	row("lists", code(lists(r)))
	row("exceptions", exceptions(r))
	row("tests", tests(r))
	row("file", file(r.File, source))
	row("set by", overrides(r))
	bullets(b, "Known false positives", r.FalsePositives)
	if text := strings.TrimSpace(r.Guide); text != "" {
		fmt.Fprintf(b, "\nWhat to do:\n\n%s\n", text)
	}
	bullets(b, "To read", links(r.References))
}

func worth(r *rule.Rule) string {
	switch {
	case !r.Enabled:
		return "switched off"
	case !r.Alert:
		return "raises no alert, feeds other rules"
	}
	return fmt.Sprintf("%g points, %g while the host is learnt", r.Score, r.ScoreLearning)
}

// asks says how many connections it takes, and for how long.
func asks(r *rule.Rule) string {
	switch {
	case r.Count != nil:
		return askCount(r.Count) + lasting(r.For)
	case r.Sequence != nil:
		return fmt.Sprintf("%d connections, one after the other, within %s", len(r.Sequence.Steps), term.Duration(r.Sequence.Within))
	case r.Path != nil:
		return fmt.Sprintf("a path of %d connections or more, each at most %s after the one before was open%s", r.Path.Hops, term.Duration(r.Path.Within), lasting(r.For))
	case r.Absent != nil && r.Absent.Of == rule.MissingPoller:
		return "nothing heard of a host for " + term.Duration(r.Absent.For)
	case r.Absent != nil:
		return "a connection that the other end doesn't show for " + term.Duration(r.Absent.For)
	}
	return "one connection" + lasting(r.For)
}

func askCount(c *rule.Count) string {
	if c.AtLeast == 1 && c.Of == "" && c.Sum == "" {
		return "one connection; once a day for the same " + code(c.By)
	}
	what := fmt.Sprintf("%g connections", c.AtLeast)
	switch {
	case c.Of != "":
		what = fmt.Sprintf("%g different `%s`", c.AtLeast, c.Of)
	case c.Sum != "":
		what = fmt.Sprintf("a sum of `%s` of %g", c.Sum, c.AtLeast)
	}
	what += fmt.Sprintf(" within %s, of the same %s", term.Duration(c.Within), code(c.By))
	if c.AboveUsual > 0 {
		what += fmt.Sprintf(", and more than %g times what is usual", c.AboveUsual)
	}
	if c.Beaconing > 0 {
		what += fmt.Sprintf(", as regular as %g", c.Beaconing)
	}
	return what
}

func lasting(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return ", open for " + term.Duration(d)
}

var listName = regexp.MustCompile(`\b(ports|networks|roles)\.[a-z0-9_]+`)

// lists are the names of those that a rule's conditions ask for.
func lists(r *rule.Rule) []string {
	conditions := []string{r.When}
	if r.Sequence != nil {
		for _, step := range r.Sequence.Steps {
			conditions = append(conditions, step.When)
		}
	}
	for _, e := range r.Unless {
		conditions = append(conditions, e.When)
	}
	names := listName.FindAllString(strings.Join(conditions, "\n"), -1)
	slices.Sort(names)
	return slices.Compact(names)
}

// thresholds are the numbers that an override can set.
func thresholds(r *rule.Rule) string {
	named := make([]string, len(r.Thresholds))
	for i, t := range r.Thresholds {
		named[i] = t.Name + ": " + t.Value
	}
	return code(named)
}

func exceptions(r *rule.Rule) string {
	if len(r.Unless) == 0 {
		return ""
	}
	return fmt.Sprint(len(r.Unless))
}

func tests(r *rule.Rule) string {
	if r.Tests == nil {
		return "none"
	}
	return fmt.Sprintf("%d cases", len(r.Tests.Cases))
}

// techniques links ids of ATT&CK to their pages.
func techniques(ids []string) string {
	linked := make([]string, len(ids))
	for i, id := range ids {
		linked[i] = fmt.Sprintf("[%s](https://attack.mitre.org/techniques/%s/)", id, strings.Replace(id, ".", "/", 1))
	}
	return strings.Join(linked, ", ")
}

func links(addresses []string) []string {
	linked := make([]string, len(addresses))
	for i, a := range addresses {
		linked[i] = "<" + a + ">"
	}
	return linked
}

func bullets(b *strings.Builder, title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s:\n\n", title)
	for _, line := range lines {
		fmt.Fprintf(b, "- %s\n", line)
	}
}

func code(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = "`" + name + "`"
	}
	return strings.Join(quoted, ", ")
}

func file(name, source string) string {
	if source == "" {
		return "`" + name + "`"
	}
	short := name[strings.LastIndexByte(name, '/')+1:]
	return fmt.Sprintf("[%s](%s/%s)", short, source, short)
}

// overrides says what other files have set.
func overrides(r *rule.Rule) string {
	set := make([]string, len(r.Overrides))
	for i, o := range r.Overrides {
		set[i] = fmt.Sprintf("`%s`: %s", o.File, strings.Join(o.Fields, ", "))
		if o.Reason != "" {
			set[i] += " (" + cell(o.Reason) + ")"
		}
	}
	return strings.Join(set, "; ")
}

func cell(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "|", `\|`), "\n", " ")
}
