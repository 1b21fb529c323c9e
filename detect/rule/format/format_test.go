package format_test

import (
	"bytes"
	"io/fs"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/tools/txtar"

	"headstart/detect/rule"
	"headstart/detect/rule/format"
	rules "headstart/rules.expr"
)

// TestFormat lays out what the archive has as given/NAME and compares it with
// want/NAME; without the latter nothing is to change.
func TestFormat(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/format.txtar")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]byte{}
	for _, f := range archive.Files {
		if name, ok := strings.CutPrefix(f.Name, "want/"); ok {
			want[name] = f.Data
		}
	}
	for _, f := range archive.Files {
		name, ok := strings.CutPrefix(f.Name, "given/")
		if !ok {
			continue
		}
		t.Run(name, func(t *testing.T) {
			w, changes := want[name]
			if !changes {
				w = f.Data
			}
			file := name[strings.LastIndexByte(name, '/')+1:]
			got, err := format.File(file, f.Data)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, w) {
				t.Errorf("got\n%s\nwant\n%s", got, w)
			}
		})
	}
}

func TestFormatRejects(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"no YAML", "rule: [a\n", "a.yaml:1:1: not YAML"},
		{"a tab", "rule: a\n\ttitle: b\n", "a tab in the indentation"},
		{"a list", "- a\n", "a.yaml:1:1: this is a list"},
		{"a comment in a list in brackets", "rule: a\nattack: [T1021, # SSH\n  T1135]\nwhen: conn.open\n", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := format.File("a.yaml", []byte(tt.text))
			if tt.want == "" {
				if err == nil && !strings.Contains(string(got), "# SSH") {
					t.Errorf("a comment is lost:\n%s", got)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v\n%s", err, got)
			}
		})
	}
}

// TestFormattedDefaultRulesetIsTheSame holds that the rules say the same before and
// after, whatever the layout was.
func TestFormattedDefaultRulesetIsTheSame(t *testing.T) {
	names, err := fs.Glob(rules.Files, "*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{}
	for _, name := range names {
		formatted, err := format.File(name, untidy(read(t, name)))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: formatted}
	}
	set, err := rule.Load(files, "rules.expr")
	if err != nil {
		t.Fatal(err)
	}
	before, err := rule.Load(rules.Files, "rules.expr")
	if err != nil {
		t.Fatal(err)
	}
	if len(before.Rules) != len(set.Rules) {
		t.Fatalf("%d rules became %d", len(before.Rules), len(set.Rules))
	}
	for i, was := range before.Rules {
		if is := set.Rules[i]; !reflect.DeepEqual(meaning(was), meaning(is)) {
			t.Errorf("%s was\n%+v\nand is\n%+v", was.ID, meaning(was), meaning(is))
		}
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := rules.Files.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// meaning is what a rule says, without places and without where lines end.
func meaning(r *rule.Rule) map[string]any {
	words := func(text string) string { return strings.Join(strings.Fields(text), " ") }
	tables := ""
	if r.Tests != nil {
		table := func(t rule.Table) {
			for _, l := range t {
				tables += words(l.Text) + "\n"
			}
		}
		table(r.Tests.Hosts)
		table(r.Tests.Usual)
		for _, c := range r.Tests.Cases {
			tables += c.Name + "\n"
			table(c.Connections)
			table(c.Alerts)
		}
	}
	return map[string]any{"id": r.ID, "title": r.Title, "severity": r.Severity, "attack": r.Attack, "description": r.Description, "guide": r.Guide,
		"when": words(r.When), "for": r.For, "count": r.Count, "path": r.Path, "absent": r.Absent, "score": []float64{r.Score, r.ScoreLearning}, "tables": tables, "parts": r.Parts()}
}

// untidy turns the fields of a file around, as far as that is easily done.
func untidy(data []byte) []byte {
	text := "\n" + string(data)
	var fields []string
	for i, part := range strings.Split(text, "\n") {
		if i == 0 {
			continue
		}
		if part == "" || part[0] == ' ' || part[0] == '#' || part[0] == '-' || len(fields) == 0 {
			if len(fields) == 0 {
				fields = append(fields, "")
			}
			fields[len(fields)-1] += part + "\n"
			continue
		}
		fields = append(fields, part+"\n")
	}
	if strings.Contains(text, "\n#") {
		return data // a comment would belong to another field
	}
	var b strings.Builder
	for i := len(fields) - 1; i >= 0; i-- {
		b.WriteString(strings.TrimSuffix(fields[i], "\n") + "\n")
	}
	return []byte(b.String())
}

// FuzzFormat holds that formatting never panics, and that what it accepts reads
// as before and looks the same when it is formatted again.
func FuzzFormat(f *testing.F) {
	names, err := fs.Glob(rules.Files, "*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		data, err := fs.ReadFile(rules.Files, name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(name, data)
	}
	archive, err := txtar.ParseFile("testdata/format.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range archive.Files {
		f.Add(file.Name[strings.LastIndexByte(file.Name, '/')+1:], file.Data)
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		once, err := format.File(name, data)
		if err != nil {
			return
		}
		twice, err := format.File(name, once)
		if err != nil || !bytes.Equal(once, twice) {
			t.Errorf("%v\n%s\nbecomes\n%s", err, once, twice)
		}
		lists := &fstest.MapFile{Data: []byte("ports: {ssh: [22], database: [5432]}\nroles: {web: [web]}\n")}
		_, before := rule.Load(fstest.MapFS{"a.yaml": {Data: data}, "lists.yaml": lists}, "")
		_, after := rule.Load(fstest.MapFS{"a.yaml": {Data: once}, "lists.yaml": lists}, "")
		if (before == nil) != (after == nil) {
			t.Errorf("%q loads: %v\nformatted %q: %v", data, before, once, after)
		}
	})
}

// TestDefaultRulesetIsFormatted holds that the shipped rules have the layout that they
// ask of others.
func TestDefaultRulesetIsFormatted(t *testing.T) {
	names, err := fs.Glob(rules.Files, "*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		data := read(t, name)
		if formatted, err := format.File(name, data); err != nil || !bytes.Equal(data, formatted) {
			t.Errorf("%s: %v; 'headstart rules fmt rules.expr' lays it out", name, err)
		}
	}
}
