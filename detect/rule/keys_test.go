package rule_test

import (
	"bytes"
	"flag"
	"testing"

	"headstart/detect/rule/schema"
)

var update = flag.Bool("update", false, "write the files that are made from the code")

// TestMissingKeysAreReported holds that the loader wants what the keys say is
// needed, and knows no others.
func TestMissingKeysAreReported(t *testing.T) {
	const step = "{when: conn.open, by: host.name}"
	whole := map[string]string{
		"a rule":       "X",
		"count":        "rule: a\ntitle: T\nseverity: low\nwhen: conn.open\ncount: {X}\n",
		"sequence":     "rule: a\ntitle: T\nseverity: low\nsequence: {X}\n",
		"a step":       "rule: a\ntitle: T\nseverity: low\nsequence: {within: 5m, steps: [" + step + ", {X}]}\n",
		"path":         "rule: a\ntitle: T\nseverity: low\nwhen: conn.open\npath: {X}\n",
		"absent":       "rule: a\ntitle: T\nseverity: low\nabsent: {X}\n",
		"an exception": "rule: a\ntitle: T\nseverity: low\nwhen: conn.open\nunless: [{X}]\n",
		"tests":        "rule: a\ntitle: T\nseverity: low\nwhen: conn.open\ntests: {X}\n",
		"a case":       "rule: a\ntitle: T\nseverity: low\nwhen: conn.open\ntests: {hosts: a 10.0.0.1 reports, cases: [{X}]}\n",
	}
	for in, text := range whole {
		needed := 0
		for _, k := range schema.Keys() {
			if k.In != in || !k.Needed {
				continue
			}
			needed++
			empty := bytes.ReplaceAll([]byte(text), []byte("X"), []byte("unknown_field: 1"))
			_, err := load(string(empty))
			if err == nil || !bytes.Contains([]byte(err.Error()), []byte(in+" needs the field \""+k.Name+"\"")) {
				t.Errorf("%s without %s: %v", in, k.Name, err)
			}
		}
		if needed == 0 {
			t.Errorf("%s needs nothing", in)
		}
	}
}
