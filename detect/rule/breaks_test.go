package rule_test

import (
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"headstart/detect/rule"
	"headstart/detect/rule/lint"
	rules "headstart/rules.expr"
	"headstart/yamlsrc"
)

// breaking is one way in which authors break a rule.
type breaking struct {
	name string
	in   func(lines []string) (broken []string, line int) // line from 1; 0 where the rule has nothing to break in this way
	hint string                                           // that must be in what is said
}

// replacing breaks the first line that an expression matches.
func replacing(pattern, by string) func([]string) ([]string, int) {
	find := regexp.MustCompile(pattern)
	return func(lines []string) ([]string, int) {
		for i, line := range lines {
			if find.MatchString(line) {
				lines[i] = find.ReplaceAllString(line, by)
				return lines, i + 1
			}
		}
		return nil, 0
	}
}

// conditionLine finds the first line of a condition in a block.
func conditionLine(lines []string) (at int, indent string) {
	for i, line := range lines {
		if strings.HasSuffix(line, "when: |") && i+1 < len(lines) {
			next := lines[i+1]
			return i + 1, next[:len(next)-len(strings.TrimLeft(next, " "))]
		}
	}
	return 0, ""
}

// adding adds a line to the first condition.
func adding(condition string) func([]string) ([]string, int) {
	return func(lines []string) ([]string, int) {
		at, indent := conditionLine(lines)
		if at == 0 {
			return nil, 0
		}
		return slices.Insert(lines, at+1, indent+condition), at + 2
	}
}

// instead puts a line in the place of the condition of a rule that has one of
// its own.
func instead(condition string) func([]string) ([]string, int) {
	return func(lines []string) ([]string, int) {
		at := slices.Index(lines, "when: |")
		if at < 0 {
			return nil, 0
		}
		end := at + 1
		for end < len(lines) && strings.HasPrefix(lines[end], " ") {
			end++
		}
		return slices.Replace(lines, at, end, condition), at + 1
	}
}

// before puts lines before that of a field, or at the end.
func before(field string, text ...string) func([]string) ([]string, int) {
	return func(lines []string) ([]string, int) {
		at := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, field) })
		if at < 0 {
			return nil, 0
		}
		return slices.Insert(lines, at, text...), at + 1
	}
}

// removing removes the first line that begins with a text.
func removing(text string) func([]string) ([]string, int) {
	return func(lines []string) ([]string, int) {
		at := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, text) })
		if at < 0 {
			return nil, 0
		}
		return slices.Delete(lines, at, at+1), 1
	}
}

func breakings() []breaking {
	return []breaking{
		{"a typo in a field", replacing(`\bconn\.port\b`, "conn.prt"), "did you mean conn.port?"},
		{"a typo in a group", replacing(`\bconn\.direction\b`, "con.direction"), "did you mean conn"},
		{"a field without its group", adding("and port == 22"), "did you mean conn.port?"},
		{"a field in capitals", adding("and conn.Port == 22"), "did you mean conn.port?"},
		{"a typo in a function", replacing(`\bduration\(`, "duraton("), "did you mean duration?"},
		{"a typo in a list", adding("and conn.port in ports.databse"), "did you mean database?"},
		{"an unknown list", adding("and conn.port in ports.nowhere"), "has no list nowhere in ports"},
		{"a list of the wrong kind", adding("and conn.port in roles.web"), "host in roles.web"},
		{"a typo in a field of the rule", replacing(`^severity:`, "severty:"), "did you mean severity?"},
		{"a typo in the title's field", replacing(`^title:`, "titel:"), "did you mean title?"},
		{"a field of another language", before("severity:", "level: high"), "write severity"},
		{"a field in the wrong place", before("severity:", "by: host.name"), "below count"},
		{"a number for a severity", replacing(`^severity: .*`, "severity: 3"), "severity is info, low, medium, high or critical"},
		{"a typo in a severity", replacing(`^severity: .*`, "severity: hihg"), "did you mean high?"},
		{"a list for a text", replacing(`^title: (.*)`, "title: [a, b]"), "title must be text"},
		{"a text for a list", replacing(`^attack: .*`, "attack: T1021"), "attack must be a list"},
		{"a wrong technique", replacing(`^attack: .*`, "attack: [T21]"), "such as T1021 or T1021.002"},
		{"a text for a number", replacing(`^score: .*`, "score: much"), "score must be a number"},
		{"a number out of range", replacing(`^score: .*`, "score: 700"), "score is from 0 to 100"},
		{"a line that is set in", replacing(`^guide:`, " guide:"), "indent"},
		{"a line of a condition that is set out", func(lines []string) ([]string, int) {
			lines, at := adding("and conn.open")(lines)
			if at > 0 {
				lines[at-1] = strings.TrimLeft(lines[at-1], " ")
			}
			return lines, at
		}, "indent"},
		{"a field that is missing", removing("severity:"), `needs the field "severity"`},
		{"a tab", adding("\tand conn.open"), "spaces"},
		{"a tab at the beginning", func(lines []string) ([]string, int) {
			at, _ := conditionLine(lines)
			if at > 0 {
				lines[at] = "\t" + strings.TrimLeft(lines[at], " ")
			}
			return lines, at + min(1, at)
		}, "a tab in the indentation"},
		{"an unclosed quote", adding(`and host.name == "web-01`), "quote"},
		{"an unclosed bracket", adding(`and (conn.open or conn.closed`), "bracket"},
		{"a bracket too many", adding(`and conn.open)`), "bracket"},
		{"an unclosed quote in YAML", replacing(`^title: (.*)`, `title: "$1`), "quote"},
		{"an unclosed bracket in YAML", replacing(`^attack: .*`, `attack: [T1021`), "bracket"},
		{"= for ==", adding("and conn.port = 22"), "write =="},
		{"=== for ==", adding("and conn.port === 22"), "write =="},
		{"<> for !=", adding("and conn.port <> 22"), "write !="},
		{"AND in capitals", adding("AND conn.open"), "AND is written in lower case"},
		{"an operator that isn't one", adding("and conn.port is 22"), "write =="},
		{"LIKE", adding(`and host.name like "web%"`), "startsWith"},
		{"and is missing", adding("conn.open"), "and or or"},
		{"and twice", adding("and and conn.open"), "and"},
		{"& for and", adding("& conn.open"), "write and"},
		{"a port as a text", adding(`and conn.port == "22"`), "without quotes"},
		{"a text without quotes", adding("and conn.direction != inbound"), `"inbound"`},
		{"a value that never is", adding(`and conn.direction != "in"`), "is never"},
		{"a port that isn't one", adding("and conn.port == 70000"), "ports go from 0 to 65535"},
		{"a duration without duration", adding(`and conn.age.min > "30s"`), `duration("30s")`},
		{"a duration without a unit", adding(`and conn.age.min > duration("30")`), "write 30s for seconds"},
		{"a time in words", replacing(`within: .*`, "within: 5 minutes"), "is not a duration such as"},
		{"a network as a text", adding(`and conn.peer startsWith "10."`), "in \"10.1.0.0/16\""},
		{"an address that isn't one", adding(`and conn.peer == "10.0.0.256"`), "is not an address"},
		{"a value that is no condition", adding("and conn.port"), "true or false"},
		{"a condition as a list", instead("when: [conn.open, conn.closed]"), "when must be text"},
		{"an exception with a day as people write it", before("severity:", "unless:", "  - {when: conn.open, owner: o, reason: r, expires: 31.12.2026}"), "such as 2026-12-31"},
		{"an exception without an end", before("severity:", "unless:", "  - {when: conn.open, owner: o, reason: r}"), `needs the field "expires"`},
		{"a condition over two lines", replacing(`^severity: (.*)`, "severity: $1\nand conn.open"), "indent"},
		{"another encoding", replacing(`^title: (.*)`, "title: caf\xe9"), "not UTF-8"},
		{"a # in a condition of one line", instead(`when: any(host.roles, # == "web")`), `in YAML " #" begins a comment`},
		{"a colon in a text", replacing(`^title: (.*)`, "title: Odd: very odd"), "quotes"},
		{"a field without a colon", replacing(`^severity: (.*)`, "severity $1"), "colon"},
		{"a field twice", replacing(`^title: (.*)`, "title: $1\ntitle: again"), "a second time"},
		{"an expression in quotes too early", instead(`when: "web" in host.roles`), `"when: |"`},
		{"a field of YAML that means something else", replacing(`^title: (.*)`, "title: *important"), "alias"},
		{"a rule's name with spaces", replacing(`^rule: (.*)`, "rule: My Rule"), "lower-case letters"},
		{"an impossible condition", adding("and conn.port == 1 and conn.port == 2"), "can't be true of one connection"},
		{"an exception that is over", before("severity:", "unless:", "  - {when: host.name == 'web-01', owner: o, reason: r, expires: 2020-12-31}"), "has expired"},
	}
}

// TestEveryWayToBreakEveryRule breaks each shipped rule in each way, and holds
// that what is said names the place and what to do, and isn't drowned in what
// follows from it.
func TestEveryWayToBreakEveryRule(t *testing.T) {
	t.Parallel()
	names, err := fs.Glob(rules.Files, "*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	shared := fstest.MapFS{}
	for _, name := range []string{"lists.yaml", "macros.yaml"} {
		if data, err := fs.ReadFile(rules.Files, name); err == nil {
			shared[name] = &fstest.MapFile{Data: data}
		}
	}
	show := os.Getenv("SHOW") != ""
	for _, b := range breakings() {
		applied := 0
		for _, name := range names {
			if shared[name] != nil || strings.HasSuffix(name, ".test.yaml") {
				continue
			}
			if testing.Short() && applied == 5 {
				break
			}
			text := string(readFile(t, name))
			lines, line := b.in(strings.Split(text, "\n"))
			if line == 0 {
				continue
			}
			applied++
			files := fstest.MapFS{name: {Data: []byte(strings.Join(lines, "\n"))}}
			for shared, file := range shared {
				files[shared] = file
			}
			for _, other := range names { // that are asked about
				if shared[other] == nil && other != name && strings.Contains(text, "fired(\""+strings.TrimSuffix(other, ".yaml")+"\"") {
					files[other] = &fstest.MapFile{Data: readFile(t, other)}
				}
			}
			report := lint.Check([]rule.Layer{{Name: "d", Files: files}}, nil, noon)
			report.Warnings = slices.DeleteFunc(report.Warnings, func(w *yamlsrc.Diagnostic) bool { return w.Code == "unused-list" || w.Code == "unused-macro" }) // by one rule
			why := judge(report, "d/"+name, line, b.hint)
			if why != "" || show && applied == 1 {
				t.Errorf("%s, in %s: %s\n%v", b.name, name, why, slices.Concat(report.Errors, report.Warnings))
			}
			if why != "" {
				break // the others are alike
			}
		}
		if applied < 1 {
			t.Errorf("%s: no rule could be broken so", b.name)
		}
	}
}

// TestARuleTwice copies each shipped rule to another file.
func TestARuleTwice(t *testing.T) {
	t.Parallel()
	names, err := fs.Glob(rules.Files, "*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for n, name := range names {
		files := fstest.MapFS{}
		for _, other := range names {
			files[other] = &fstest.MapFile{Data: readFile(t, other)}
		}
		if !strings.HasPrefix(string(files[name].Data), "rule: ") {
			continue
		}
		files["zz-copy.yaml"] = files[name]
		if testing.Short() && n%8 > 0 {
			continue
		}
		report := lint.Check([]rule.Layer{{Name: "d", Files: files}}, nil, noon)
		if why := judge(report, "d/zz-copy.yaml", 1, "is taken: it is that of d/"+name+":1"); why != "" || len(report.Errors) != 1 {
			t.Errorf("%s: %s\n%v", name, why, report.Errors)
		}
	}
}

// judge returns what is wrong with what was said of a mistake.
func judge(report lint.Report, file string, line int, hint string) string {
	said := slices.Concat(report.Errors, report.Warnings)
	switch {
	case len(said) == 0:
		return "nothing was said"
	case len(said) > 3 || len(report.Errors) > 2:
		return fmt.Sprintf("%d mistakes and %d warnings where there is one", len(report.Errors), len(report.Warnings))
	}
	near, named := false, false
	for _, m := range said {
		if m.File != file {
			return "another file is named: " + m.File
		}
		near = near || m.Line >= line-1 && m.Line <= line+1
		named = named || strings.Contains(m.Message, hint)
		if len(m.Message) > 240 {
			return "too long a message"
		}
	}
	switch {
	case !near:
		return fmt.Sprintf("line %d is not named", line)
	case !named:
		return fmt.Sprintf("%q is not said", hint)
	}
	return ""
}
