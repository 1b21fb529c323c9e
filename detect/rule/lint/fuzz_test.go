package lint_test

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"headstart/detect/rule"
	"headstart/detect/rule/lint"
	rules "headstart/rules.expr"
)

// FuzzCheck holds that no file makes Check panic, that it agrees with Load on
// what is a mistake, and that warnings have codes and places that are there.
func FuzzCheck(f *testing.F) {
	names, err := fs.Glob(rules.Files, "*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		data, err := fs.ReadFile(rules.Files, name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, []byte("ssh: conn.port == 22\n"))
	}
	f.Add([]byte(whole+"when: macros.a or not macros.b\n"), []byte("a: macros.b and conn.open\nb: conn.closed or conn.port in [1, 2]\n"))
	f.Add([]byte("override: a-rule\nscore: 5\nunless: [{when: conn.open, owner: o, reason: r, expires: 2026-01-01}]\n"), []byte(""))
	codes := map[string]bool{}
	for _, l := range lint.Codes() {
		codes[l.Code] = true
	}
	f.Fuzz(func(t *testing.T, data, macros []byte) {
		layers := []rule.Layer{
			{Name: "base", Files: fstest.MapFS{"a.yaml": {Data: []byte(whole + "when: conn.port in ports.ssh\n")}, "lists.yaml": {Data: []byte("ports: {ssh: [22], none: []}\nroles: {web: [web]}\n")}}},
			{Name: "local", Files: fstest.MapFS{"b.yaml": {Data: data}, "macros.yaml": {Data: macros}}},
		}
		report := lint.Check(layers, nil, noon)
		_, err := rule.LoadLayers(layers, nil)
		if (err == nil) != (len(report.Errors) == 0) || (err == nil) != (report.Set != nil) {
			t.Errorf("Load says %v, Check %v", err, report.Errors)
		}
		for _, w := range report.Warnings {
			if !codes[w.Code] || w.Line < 1 || w.Column < 1 || w.Column > len([]rune(w.Source))+1 || w.Message == "" {
				t.Errorf("%+v", w)
			}
		}
	})
}
