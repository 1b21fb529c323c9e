package format_test

import (
	"errors"
	"io/fs"
	"testing"
	"testing/fstest"

	"headstart/detect/rule"
	"headstart/detect/rule/format"
)

func layerOf(name string, files map[string]string) rule.Layer {
	fsys := fstest.MapFS{}
	for file, text := range files {
		fsys[file] = &fstest.MapFile{Data: []byte(text)}
	}
	return rule.Layer{Name: name, Files: fsys}
}

func TestEffective(t *testing.T) {
	layers := []rule.Layer{
		layerOf("base", map[string]string{"long.yaml": "# Sessions.\n\nrule: session-long\ntitle: T\nseverity: low\nthresholds: {session: 5m, many: 3}\n" +
			"when: conn.open and conn.uid > thresholds.many\nfor: thresholds.session\nunless: [{when: host.name == 'a', owner: o, reason: r, expires: 2026-12-31}]\n"}),
		layerOf("local", map[string]string{
			"a.yaml": "override: session-long\nreason: administrators work long here\nseverity: info\nthresholds: {session: 15m}\nunless:\n  - {when: host.name == 'b', owner: o, reason: r, expires: 2026-12-31}\n",
			"b.yaml": "override: session-long\nscore: 5\nenabled: false\n",
		}),
	}
	set, err := rule.LoadLayers(layers, nil)
	if err != nil {
		t.Fatal(err)
	}
	const want = `# base/long.yaml, overridden by local/a.yaml, overridden by local/b.yaml
# Sessions.
# local/a.yaml: administrators work long here

rule: session-long
title: T
severity: info  # local/a.yaml
score: 5  # local/b.yaml
thresholds:
  session: 15m  # local/a.yaml
  many: 3
when: conn.open and conn.uid > thresholds.many
for: thresholds.session
unless:
  - when: host.name == 'a'
    owner: o
    reason: r
    expires: 2026-12-31
  # local/a.yaml
  - when: host.name == 'b'
    owner: o
    reason: r
    expires: 2026-12-31
enabled: false  # local/b.yaml
`
	if got, err := format.Effective(layers, set.Rule("session-long")); err != nil || string(got) != want {
		t.Errorf("%v: got\n%s\nwant\n%s", err, got, want)
	}
	if _, err := format.Effective(layers[1:], set.Rule("session-long")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without the rule's directory: %v", err)
	}
}
