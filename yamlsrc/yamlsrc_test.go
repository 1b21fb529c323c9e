package yamlsrc_test

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"headstart/yamlsrc"
)

func TestPlaceInEveryStyleOfScalar(t *testing.T) {
	for _, tt := range []struct {
		name, text   string
		offset       int
		line, column int
	}{
		{"plain", "a: conn.open\n", 5, 1, 9},
		{"quoted", "a: 'it''s x'\n", 5, 1, 11},
		{"escaped", `a: "\u0041 b"` + "\n", 2, 1, 12},
		{"literal", "a: |\n  one\n  two\n", 4, 3, 3},
		{"folded", "a: >\n  one\n  two\n", 5, 3, 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := yamlsrc.New("f.yaml", &yamlsrc.Dialect{Holds: "one"})
			root := f.Parse([]byte(tt.text))
			if root == nil {
				t.Fatal(f.Diagnostics)
			}
			want := yamlsrc.Place{Line: tt.line, Column: tt.column}
			if got := f.PlaceIn(yamlsrc.Field(root, "a"), tt.offset); got != want {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestDiagnosticShowsTheLineAndACaret(t *testing.T) {
	f := yamlsrc.New("f.yaml", &yamlsrc.Dialect{Holds: "one"})
	root := f.Parse([]byte("known: 1\nknwon: 2\n"))
	f.Mapping(root, "a file", []string{"known"})
	const want = "f.yaml:2:1: a file has no field \"knwon\"; did you mean known?\n    2 | knwon: 2\n      | ^\n1 error"
	if got := f.Diagnostics.Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestDocumentHidesItsLines(t *testing.T) {
	d := yamlsrc.Document{Name: "f.yaml"}
	root, err := d.Parse([]byte("a: &x secret\na: *x\n"), 100, "it", "write it")
	if err != nil {
		t.Fatal(err)
	}
	d.Entries(root, func(_, value *yaml.Node) { d.Text(value) })
	if err := d.Err(); err == nil || strings.Contains(err.Error(), "secret") || err.Error() != `f.yaml:2:1: "a" is in line 1 already` {
		t.Error(err)
	}
}
