package backtest_test

import (
	"reflect"
	"testing"
	"testing/fstest"

	"headstart/detect/rule"
	"headstart/rulekit/backtest"
)

func set(t *testing.T, files map[string]string) *rule.Set {
	t.Helper()
	dir := fstest.MapFS{}
	for name, text := range files {
		dir[name] = &fstest.MapFile{Data: []byte(text)}
	}
	s, err := rule.Load(dir, "rules")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestCompareRules(t *testing.T) {
	const head, when = "rule: a\ntitle: A\nseverity: high\n", "when: conn.port == 22\n"
	for _, tt := range []struct {
		name     string
		old, new string
		want     []backtest.FieldChange
	}{
		{"the same", head + when, head + when, nil},
		{"another layout", head + when, head + "when: |\n  conn.port == 22", []backtest.FieldChange(nil)},
		{"a threshold", head + when + "for: 30s\n", head + when + "for: 1m\n", []backtest.FieldChange{{"for", "30s", "1m"}}},
		{"a condition", head + when, head + "when: conn.port == 23\n", []backtest.FieldChange{{"when", "conn.port == 22", "conn.port == 23"}}},
		{"severity, and what follows from it", head + when, "rule: a\ntitle: A\nseverity: low\n" + when, []backtest.FieldChange{{"severity", "high", "low"}, {"score", "60", "10"}, {"score_learning", "30", "5"}}},
		{"a count", head + when + "count: {by: host.name, within: 1m, at_least: 5}\n", head + when + "count: {by: host.name, within: 1m, at_least: 6}\n", []backtest.FieldChange{{Field: "count"}}},
		{"an exception", head + when, head + when + "unless: [{when: conn.port == 22, owner: me, reason: so, expires: 2030-01-01}]\n", []backtest.FieldChange{{Field: "unless"}}},
		{"a named threshold", head + "thresholds: {n: 30s}\nfor: thresholds.n\n" + when, head + "thresholds: {n: 1m}\nfor: thresholds.n\n" + when, []backtest.FieldChange{{"for", "30s", "1m"}, {"thresholds", "n: 30s", "n: 1m"}}},
		{"an exception in another line", head + when + "unless: [{when: conn.port == 22, owner: me, reason: so, expires: 2030-01-01}]\n", head + when + "unless:\n- when: conn.port == 22\n  owner: me\n  reason: so\n  expires: 2030-01-01\n", nil},
		{"switched off", head + when, head + when + "enabled: false\n", []backtest.FieldChange{{"enabled", "true", "false"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := backtest.CompareRules(set(t, map[string]string{"a.yaml": tt.old}), set(t, map[string]string{"other-name.yaml": tt.new}))
			var fields []backtest.FieldChange
			if len(got.Changed) > 0 {
				fields = got.Changed[0].Fields
			}
			if !reflect.DeepEqual(fields, tt.want) {
				t.Errorf("got %+v, want %+v", fields, tt.want)
			}
		})
	}
	lists := backtest.CompareRules(set(t, map[string]string{"a.yaml": head + when, "lists.yaml": "ports: {ssh: [22], gone: [1]}\n"}),
		set(t, map[string]string{"a.yaml": head + when, "lists.yaml": "ports: {ssh: [22, 2222], new: []}\n"})).Lists
	if want := []backtest.ListChange{{"ports.gone", []string{}, []string{"1"}}, {"ports.new", []string{}, []string{}}, {"ports.ssh", []string{"2222"}, []string{}}}; !reflect.DeepEqual(lists, want) {
		t.Errorf("lists %+v, want %+v", lists, want)
	}
	one := set(t, map[string]string{"a.yaml": head + when})
	two := set(t, map[string]string{"b.yaml": "rule: b\ntitle: B\nseverity: high\n" + when})
	if c := backtest.CompareRules(one, two); !reflect.DeepEqual(c.Added, []string{"b"}) || !reflect.DeepEqual(c.Removed, []string{"a"}) || c.None() {
		t.Errorf("got %+v", c)
	}
}
