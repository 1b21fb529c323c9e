package rule_test

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf8"

	"headstart/detect/rule"
	rules "headstart/rules.expr"
	"headstart/yamlsrc"
)

// FuzzLoad loads a rule and lists of any bytes. Either every mistake has a
// place that the file has, or the set evaluates any change as the index of it
// does, without a failure of its own; twice the same bytes give the same.
func FuzzLoad(f *testing.F) {
	lists, err := fs.ReadFile(rules.Files, "lists.yaml")
	if err != nil {
		f.Fatal(err)
	}
	names, err := fs.Glob(rules.Files, "*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		data, err := fs.ReadFile(rules.Files, name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, lists)
	}
	f.Add([]byte(wholeRule), []byte(someLists))
	for _, when := range []string{
		`when: "conn.\x70rt == '\u0031' \` + "\n" + `  and x"`, `when: 'a''b ''c'`, "when: |2-\n   x\n", "when: >+\n\n  x\n  y # z\n",
		`when: any([1, 2], # in 1..3) ? conn.open : "x" matches "("`, "when: !!str x", "when: *a", "? when\n: x", "when: [", "\tx: y", "when: \x85 x\u2028y",
		"when: conn.port % 0 == 1 and 1 < conn.port < 3 < now", "unless: [{when: x, expires: 2026-02-30}]", "when: let x = 1; x?.y[1:2] ?? {a: nil}",
	} {
		f.Add([]byte(header+when), []byte("ports: {a: [1-2]}\nnetworks: {internal: ['::/0', 0.0.0.0/0]}\nroles:\n"))
	}
	for _, pattern := range []string{
		aSequence, "when: baseline.unusual and conn.age.min > 3 * baseline.length.p99\nscore: 1e1\npath: {hops: 2, within: 1h}\n",
		"when: conn.open\nfor: 3s\ncount: {by: [conn.peer, 'conn.open ? 1 : 2.5'], of: 'host.name + \"/\" + peer.name', within: 10m, at_least: 5, above_usual: .5}\n",
		"when: conn.open\ncount:\n  by: conn.hour\n  sum: conn.uid / conn.retransmits\n  within: 1s\n  at_least: 0x10\n",
		"absent: {of: poller, for: 5m}\nwhen: host.clock_offset / 2 < duration(\"3s\") * -1.5\n", "absent: {of: peer_report, for: 720h}\n",
		"absent: {of: poller}\nsequence: {steps: [{by: [], when: x}, 3]}\ncount: {by: {}, at_least: .inf}\npath: {hops: 1e99}\n",
	} {
		f.Add([]byte(header+pattern), []byte(someLists))
	}
	f.Fuzz(func(t *testing.T, text, lists []byte) {
		files := fstest.MapFS{"a.yaml": {Data: text}, "lists.yaml": {Data: lists}}
		set, err := rule.Load(files, "rules")
		again, errAgain := rule.Load(files, "rules")
		if err != nil {
			if errAgain == nil || err.Error() != errAgain.Error() {
				t.Fatalf("once %v, then %v", err, errAgain)
			}
			checkPlaces(t, err, files)
			return
		}
		if errAgain != nil || set.Hash != again.Hash {
			t.Fatalf("once %s, then %v", set.Hash, errAgain)
		}
		r := rand.New(rand.NewPCG(9, uint64(len(text))))
		indexed, plain := rule.NewEvaluator(set), rule.NewEvaluator(set)
		for range 20 {
			o := randomObservation(r)
			for _, absent := range set.Rules {
				if result, ok := plain.Absent(absent, rule.Observation{Host: o.Host, At: o.At}); ok && absent.Absent == nil {
					t.Fatalf("%+v is of an absent rule", result)
				}
			}
			got, want := indexed.Evaluate(o), everyRule(plain, set, o)
			if !anyFailed(want) && said(got) != said(want) {
				t.Fatalf("%+v\nby the index: %s\none by one:   %s", o.Connection, said(got), said(want))
			}
		}
	})
}

// anyFailed reports whether a rule failed: the index may leave it out.
func anyFailed(results []rule.Result) bool {
	return slices.ContainsFunc(results, func(r rule.Result) bool { return r.Err != nil })
}

func checkPlaces(t *testing.T, err error, files fstest.MapFS) {
	t.Helper()
	var all yamlsrc.Diagnostics
	if !errors.As(err, &all) || len(all) == 0 {
		t.Fatalf("%T: %v", err, err)
	}
	for _, e := range all {
		if e.Message == "" || !utf8.ValidString(e.Message) || strings.Contains(e.Message, "goroutine") {
			t.Errorf("message %q", e.Message)
		}
		if e.Line == 0 {
			if e.Column != 0 || e.Source != "" {
				t.Errorf("%+v has no line", e)
			}
			continue
		}
		text := string(files[strings.TrimPrefix(e.File, "rules/")].Data)
		breaks := 1 + strings.Count(text, "\n") + strings.Count(text, "\r") + strings.Count(text, "\u0085") +
			strings.Count(text, "\u2028") + strings.Count(text, "\u2029")
		if e.Line < 1 || e.Line > breaks || e.Column < 1 || e.Column > utf8.RuneCountInString(e.Source)+1 ||
			!strings.Contains(strings.ToValidUTF8(text, "\ufffd"), e.Source) {
			t.Errorf("%+v is not in\n%q", e, text)
		}
	}
}

// FuzzLoadLayers loads macros and an override of any bytes over a pack. Twice
// the same bytes give the same; a set that loads evaluates without panic.
func FuzzLoadLayers(f *testing.F) {
	f.Add([]byte("remote: conn.port in ports.ssh and macros.b\nb: any(host.roles, # == 'x')"), []byte("override: sweep\nthresholds: {hosts: 9, window: 3h}\nscore: 1"))
	f.Add([]byte("remote: macros.remote"), []byte("override: ssh-long\nunless: [{when: macros.remote, owner: o, reason: r, expires: 2030-01-01}]"))
	f.Add([]byte("a: fired('sweep', host) or hour(now, 'UTC') < 3 or host in hosts['*']"), []byte("rule: x\ntitle: T\nseverity: low\nalert: false\nthresholds: {a: 1}\nwhen: macros.a and conn.port > thresholds.a"))
	f.Fuzz(func(t *testing.T, macros, override []byte) {
		all := append(layers(pack), rule.Layer{Name: "site", Files: fstest.MapFS{"macros.yaml": {Data: macros}, "o.yaml": {Data: override}}})
		set, err := rule.LoadLayers(all, nil)
		again, errAgain := rule.LoadLayers(all, nil)
		if err != nil {
			if errAgain == nil || err.Error() != errAgain.Error() {
				t.Fatalf("once %v, then %v", err, errAgain)
			}
			return
		}
		if errAgain != nil || set.Hash != again.Hash {
			t.Fatalf("once %s, then %v", set.Hash, errAgain)
		}
		r := rand.New(rand.NewPCG(9, uint64(len(macros))))
		evaluator := rule.NewEvaluator(set)
		for range 10 {
			evaluator.Evaluate(randomObservation(r))
		}
	})
}
