package rule_test

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"headstart/detect/rule"
	"headstart/detect/rule/condition"
	"headstart/detect/rule/schema"
	rules "headstart/rules.expr"
)

func TestReferenceIsComplete(t *testing.T) {
	for _, f := range condition.Reference() {
		if f.Name == "" || f.Type == "" || f.Doc == "" || !strings.Contains(f.Example, strings.TrimSuffix(f.Name, "s")) && !strings.Contains(f.Example, " in roles.") {
			t.Errorf("%+v", f)
		}
	}
}

func TestReferenceExamplesCompile(t *testing.T) {
	for _, f := range condition.Reference() {
		example := strings.NewReplacer("ports.ssh", "ports.database", "networks.dmz", "networks.admin", "roles.monitoring", "roles.web").Replace(f.Example)
		if _, err := load(header + "when: |\n  " + example + "\n"); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
}

func TestReferenceValuesAreThoseOfTheEvents(t *testing.T) {
	want := map[string][]string{
		"conn.event":          {"listening", "stopped", "attempted", "opened", "closed"},
		"conn.direction":      {"", "inbound", "outbound"},
		"conn.direction_from": {"", "handshake", "listener", "ports"},
		"conn.reason":         {"", "gone", "time-wait", "reset-or-unknown", "reboot", "port-reused"},
		"conn.state": {"ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE", "CLOSE_WAIT",
			"LAST_ACK", "LISTEN", "CLOSING", "NEW_SYN_RECV"},
		"conn.weekday": {"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"},
	}
	for _, f := range condition.Reference() {
		if !slices.Equal(f.Values, want[f.Name]) {
			t.Errorf("%s can be %q, want %q", f.Name, f.Values, want[f.Name])
		}
	}
}

// TestPageHasTheReference compares the tables of the analysts' page with what
// the code says. go test -run TestPageHasTheReference -update writes them.
func TestPageHasTheReference(t *testing.T) {
	const file = "../../docs/rule-language.md"
	for name, want := range map[string]string{"fields": fieldTable(), "functions": functionTable(), "keys": keyTable(), "inner keys": innerKeyTable()} {
		page, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		before, rest, _ := strings.Cut(string(page), "<!-- "+name+" -->\n")
		got, after, found := strings.Cut(rest, "<!-- /"+name+" -->")
		if *update && found {
			if err := os.WriteFile(file, []byte(before+"<!-- "+name+" -->\n"+want+"<!-- /"+name+" -->"+after), 0o644); err != nil {
				t.Fatal(err)
			}
			got = want
		}
		if !found || got != want {
			t.Errorf("%s: the table between <!-- %s --> and <!-- /%s --> is not what the code says; write it with: go test ./detect/rule -run TestPageHasTheReference -update", file, name, name)
		}
	}
}

// TestFunctionsAreThoseOfTheLanguage holds that each function is described, and
// that its example is a condition.
func TestFunctionsAreThoseOfTheLanguage(t *testing.T) {
	_, err := load(header + "when: nofunction(host.name)\n")
	if err == nil {
		t.Fatal("any name is a function")
	}
	var names []string
	for _, f := range condition.Functions() {
		names = append(names, f.Name)
		lists := strings.NewReplacer("networks.internal", "networks.admin")
		files := fstest.MapFS{
			"a.yaml":                  {Data: []byte(header + "when: |\n  " + lists.Replace(f.Example) + "\n")},
			"new-listening-port.yaml": {Data: []byte(strings.Replace(header, "a-rule", "new-listening-port", 1) + "when: conn.open\n")},
			"lists.yaml":              {Data: []byte("networks: {admin: [10.0.0.0/8]}\n")},
		}
		if _, err := rule.Load(files, ""); err != nil || !strings.Contains(f.Example, f.Name+"(") || f.Doc == "" || f.Type == "" {
			t.Errorf("%+v: %v", f, err)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%v doesn't name %s", err, name)
		}
	}
	if listed := strings.Count(err.Error()[:strings.Index(err.Error(), "\n")], ",") + 2; listed != len(names) {
		t.Errorf("%d functions are described; there are %d: %v", len(names), listed, err)
	}
}

func functionTable() string {
	var b strings.Builder
	b.WriteString("\n| function | type | what it gives | example |\n| --- | --- | --- | --- |\n")
	for _, f := range condition.Functions() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | `%s` |\n", f.Name, f.Type, f.Doc, f.Example)
	}
	b.WriteString("\n")
	return b.String()
}

func keyTable() string {
	var b strings.Builder
	b.WriteString("\n| field | needed | type | what it is |\n| --- | --- | --- | --- |\n")
	for _, k := range schema.Keys() {
		if k.In == "a rule" {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", k.Name, yes(k.Needed), k.Type, k.Doc)
		}
	}
	b.WriteString("\n")
	return b.String()
}

func innerKeyTable() string {
	var b strings.Builder
	b.WriteString("\n| of | field | needed | type | what it is | example |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, k := range schema.Keys() {
		if k.In != "a rule" {
			fmt.Fprintf(&b, "| %s | `%s` | %s | %s | %s | `%s` |\n", k.In, k.Name, yes(k.Needed), k.Type, k.Doc, k.Example)
		}
	}
	b.WriteString("\n")
	return b.String()
}

func yes(really bool) string {
	if really {
		return "yes"
	}
	return ""
}

// TestPageExamplesLoad loads each YAML example of the analysts' page: rules
// with the default pack's lists, and lists.
func TestPageExamplesLoad(t *testing.T) {
	page, err := os.ReadFile("../../docs/rule-language.md")
	if err != nil {
		t.Fatal(err)
	}
	lists, err := fs.ReadFile(rules.Files, "lists.yaml")
	if err != nil {
		t.Fatal(err)
	}
	patterns := map[bool]int{}
	for _, part := range strings.Split(string(page), "\n```yaml\n")[1:] {
		text, _, ended := strings.Cut(part, "\n```\n")
		files := fstest.MapFS{"example.yaml": {Data: []byte(text)}, "lists.yaml": {Data: lists}}
		switch first, _, _ := strings.Cut(text, ":"); {
		case first == "ports" && strings.Contains(text, "\nadd:"):
			files["example.yaml"] = ruleFile("a", "conn.open")
			files["lists.yaml"] = &fstest.MapFile{Data: append(slices.Clone(lists), text[strings.Index(text, "add:"):]...)}
		case first == "ports":
			files = fstest.MapFS{"example.yaml": ruleFile("a", "conn.open"), "lists.yaml": {Data: []byte(text)}}
		case first == "from_outside":
			files = fstest.MapFS{"example.yaml": ruleFile("a", "macros.from_outside and macros.administration"), "lists.yaml": {Data: lists}, "macros.yaml": {Data: []byte(text)}}
		case first == "override":
			files["ssh.yaml"] = &fstest.MapFile{Data: []byte("rule: ssh-session-long\ntitle: T\nseverity: low\nthresholds: {session: 5m}\nwhen: conn.age.min > thresholds.session\n")}
		}
		set, err := rule.Load(files, "docs")
		if err != nil || !ended {
			t.Errorf("%s\n%v", text, err)
			continue
		}
		patterns[set.Rules[0].IsPattern()]++
	}
	if patterns[true] < 5 || patterns[false] < 3 {
		t.Errorf("examples: %d patterns, %d others", patterns[true], patterns[false])
	}
}

func fieldTable() string {
	var b strings.Builder
	b.WriteString("\n| field | type | meaning | example |\n| --- | --- | --- | --- |\n")
	for _, f := range condition.Reference() {
		doc := f.Doc
		if f.Values != nil {
			doc += ": "
			for i, value := range f.Values {
				if i > 0 {
					doc += ", "
				}
				doc += fmt.Sprintf("`%q`", value)
			}
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | `%s` |\n", f.Name, f.Type, doc, f.Example)
	}
	b.WriteString("\n")
	return b.String()
}
