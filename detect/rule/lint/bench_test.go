package lint_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"headstart/detect/rule"
	"headstart/detect/rule/lint"
	rules "headstart/rules.expr"
)

// manyRules are the shipped rules, many times.
func manyRules(t testing.TB, times int) rule.Layer {
	t.Helper()
	names, err := fs.Glob(rules.Files, "*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{}
	for _, name := range names {
		data, err := fs.ReadFile(rules.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: data}
		for n := range times {
			if id, rest, ok := strings.Cut(string(data), "\n"); ok && strings.HasPrefix(id, "rule: ") {
				files[fmt.Sprintf("%d-%s", n, name)] = &fstest.MapFile{Data: fmt.Appendf(nil, "%s-%d\n%s", id, n, rest)}
			}
		}
	}
	return rule.Layer{Name: "many", Files: files}
}

func BenchmarkCheck(b *testing.B) {
	for name, layer := range map[string]rule.Layer{"pack": {Name: "pack", Files: rules.Files}, "1000": manyRules(b, 36)} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				lint.Check([]rule.Layer{layer}, nil, noon)
			}
		})
	}
}
