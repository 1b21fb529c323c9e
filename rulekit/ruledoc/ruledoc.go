// Package ruledoc writes a reference page of rules for responders: what each rule
// finds, its risk score, its false positives and its guide. Everything comes from
// the rules; this package's test regenerates docs/rules.md with -update.
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

// Page returns a Markdown page of rules. Its table begins with the highest risk
// score; the sections are in the order of ids. Source is the address of the
// directory with the files, relative to the page; without one, files are named,
// not linked.
func Page(rules []*rule.Rule, source string) string {
	var b strings.Builder
	b.WriteString("| rule | risk score, learning | severity | title | ATT&CK |\n| --- | --- | --- | --- | --- |\n")
	for _, r := range byScore(rules) {
		fmt.Fprintf(&b, "| [`%s`](#%s) | %g, %g | %s | %s | %s |\n", r.ID, r.ID, r.Score, r.ScoreLearning, r.Severity, cell(r.Title), techniques(r.Attack))
	}
	for _, r := range rules {
		section(&b, r, source)
	}
	return b.String()
}

func byScore(rules []*rule.Rule) []*rule.Rule {
	sorted := slices.Clone(rules)
	slices.SortFunc(sorted, func(x, y *rule.Rule) int {
		return cmp.Or(cmp.Compare(y.Score, x.Score), cmp.Compare(y.ScoreLearning, x.ScoreLearning), strings.Compare(x.ID, y.ID))
	})
	return sorted
}

func section(b *strings.Builder, r *rule.Rule, source string) {
	fmt.Fprintf(b, "\n## %s\n\n**%s** · %s · %s\n", r.ID, r.Title, r.Severity, score(r))
	if text := strings.TrimSpace(r.Description); text != "" {
		fmt.Fprintf(b, "\n%s\n", text)
	}
	b.WriteString("\n| | |\n| --- | --- |\n")
	row := func(name, text string) {
		if text != "" {
			fmt.Fprintf(b, "| %s | %s |\n", name, text)
		}
	}
	row("fires on", firesOn(r))
	row("thresholds", thresholds(r))
	row("ATT&CK", techniques(r.Attack))
	row("lists", code(lists(r)))
	row("exceptions", exceptions(r))
	row("tests", tests(r))
	row("file", file(r.File, source))
	row("set by", overrides(r))
	bullets(b, "Known false positives", r.FalsePositives)
	if text := strings.TrimSpace(r.Guide); text != "" {
		fmt.Fprintf(b, "\nResponse:\n\n%s\n", text)
	}
	bullets(b, "References", links(r.References))
}

func score(r *rule.Rule) string {
	switch {
	case !r.Enabled:
		return "disabled"
	case !r.Alert:
		return "building block: raises no alert"
	}
	return fmt.Sprintf("risk score %g, %g in the learning period", r.Score, r.ScoreLearning)
}

// firesOn describes the number of connections and their duration.
func firesOn(r *rule.Rule) string {
	switch {
	case r.Count != nil:
		return countText(r.Count) + lasting(r.For)
	case r.Sequence != nil:
		return fmt.Sprintf("a sequence of %d connections within %s", len(r.Sequence.Steps), term.Duration(r.Sequence.Within))
	case r.Path != nil:
		return fmt.Sprintf("a path of at least %d connections, each at most %s after the one before was open%s", r.Path.Hops, term.Duration(r.Path.Within), lasting(r.For))
	case r.Absent != nil && r.Absent.Of == rule.MissingPoller:
		return "no report of a host for " + term.Duration(r.Absent.For)
	case r.Absent != nil:
		return "a connection that its other end does not report for " + term.Duration(r.Absent.For)
	}
	return "one connection" + lasting(r.For)
}

func countText(c *rule.Count) string {
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
		what += fmt.Sprintf(", and more than %g times the baseline", c.AboveUsual)
	}
	if c.Beaconing > 0 {
		what += fmt.Sprintf(", with a regularity of at least %g", c.Beaconing)
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

// lists returns the names of the lists in a rule's conditions.
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

// thresholds returns the values that an override can set.
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

// overrides describes the fields set by other files.
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
