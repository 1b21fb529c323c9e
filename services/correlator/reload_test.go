package correlator

import (
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	rulepack "headstart/rules.expr"
)

// TestReloadOfAThousandRules changes one of a thousand rules while messages come:
// each is worked through with one set or the other.
func TestReloadOfAThousandRules(t *testing.T) {
	const patience = 2 * time.Minute // a second or two, where nothing else runs and no race detector
	b := newBench(t, map[string]string{"each": "conn.port == 7"})
	id := regexp.MustCompile(`(?m)^rule: (.*)$`)
	names, err := fs.Glob(rulepack.Files, "*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for round, count := 0, 0; count < 1000; round++ {
		for _, name := range names {
			data, err := fs.ReadFile(rulepack.Files, name)
			if err != nil {
				t.Fatal(err)
			}
			if name == "lists.yaml" || name == "macros.yaml" {
				b.files[name] = &fstest.MapFile{Data: data}
				continue
			}
			if tested, ok := strings.CutSuffix(name, ".test.yaml"); ok {
				b.files[fmt.Sprintf("%s-%d.test.yaml", tested, round)] = &fstest.MapFile{Data: data}
				continue
			}
			b.files[fmt.Sprintf("%d-%s", round, name)] = &fstest.MapFile{Data: id.ReplaceAll(data, fmt.Appendf(nil, "rule: ${1}-%d", round))}
			count++
		}
	}
	began := time.Now()
	b.restart()
	loaded := time.Since(began)
	alerts := 0
	send := func(n int) (took time.Duration) {
		b.says("web-01", manyOpen(n, 7))
		began := time.Now()
		work := b.batch()
		took = time.Since(began)
		alerts += len(b.alerts(work))
		return took
	}
	send(1)
	idle := send(500)
	began = time.Now()
	b.change("each", "conn.port == 7 and conn.open")
	reloaded := time.Since(began)
	switching := send(500)
	if alerts != 1001 {
		t.Errorf("%d alerts of 1001 connections", alerts)
	}
	t.Logf("%d rules: loaded in %s, again in %s; a batch of 500 connections takes %s, with a change of rules and its checkpoint %s",
		len(b.correlator.set.Rules), loaded.Round(time.Millisecond), reloaded.Round(time.Millisecond), idle.Round(time.Millisecond), switching.Round(time.Millisecond))
	for what, took := range map[string]time.Duration{"to load": loaded, "to load again": reloaded, "a batch with a change": switching} {
		if took > patience {
			t.Errorf("%s takes %s", what, took)
		}
	}
}
