package correlation_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"headstart/event"
	rules "headstart/rules.expr"
	"headstart/services/correlator/baseline"
	"headstart/services/correlator/correlation"
	"headstart/services/correlator/rule"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write what follows into the scripts; review every line")

func shippedPack(t testing.TB) *rule.Set {
	t.Helper()
	set, err := rule.Load(rules.Files, "rules.expr")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// eachScript calls do with every script of the pack.
func eachScript(t *testing.T, do func(t *testing.T, s *script)) {
	t.Helper()
	files, err := filepath.Glob("testdata/pack/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s, err := parseScript(archive)
			if err != nil {
				t.Fatal(err)
			}
			do(t, s)
			if *update {
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestPack plays the scripts through the shipped pack.
func TestPack(t *testing.T) {
	set := shippedPack(t)
	eachScript(t, func(t *testing.T, s *script) {
		learned := s.learn(t, set)
		for _, sc := range s.scenes {
			t.Run(sc.name, func(t *testing.T) {
				p, err := s.stage(sc)
				if err != nil {
					t.Fatal(err)
				}
				o := learned.play(t, p)
				sc.checkAlerts(t, set, o)
				sc.checkIncidents(t, s, o)
			})
		}
	})
}

// TestPackIsCovered holds that each shipped rule fires in some scene, and in
// another, that nearly is one, doesn't.
func TestPackIsCovered(t *testing.T) {
	set := shippedPack(t)
	fires, never := map[string]bool{}, map[string]bool{}
	eachScript(t, func(t *testing.T, s *script) {
		for _, sc := range s.scenes {
			expected, err := sc.expectedAlerts()
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range expected {
				fires[e.rule] = fires[e.rule] || !e.never
				never[e.rule] = never[e.rule] || e.never
			}
		}
	})
	for _, r := range set.Rules {
		if !fires[r.ID] {
			t.Errorf("%s fires in no scene", r.ID)
		}
		if !never[r.ID] {
			t.Errorf("no scene says when %s doesn't fire", r.ID)
		}
	}
}

// options are those of a script: a host learns for a day less than there are.
func (s *script) options(f *fleet) correlation.Options {
	return correlation.Options{
		Inventory: f.inventory(), Baseline: baseline.Options{Learning: time.Duration(max(s.days-1, 0)) * 24 * time.Hour},
	}
}

// lesson is a correlation after the learning, as it was saved.
type lesson struct {
	set     *rule.Set
	options correlation.Options
	saved   []byte
}

func (s *script) learn(t *testing.T, set *rule.Set) *lesson {
	t.Helper()
	p, err := s.stage(new(scene))
	if err != nil {
		t.Fatal(err)
	}
	l := &lesson{set: set, options: s.options(&p.fleet)}
	c := correlation.New(set, l.options)
	for _, m := range p.messages(dayStart(1), p.dense, p.end) {
		if m.storedAt.Before(p.begin) {
			apply(t, c, &m)
		}
	}
	if l.saved, err = c.Save(); err != nil {
		t.Fatal(err)
	}
	return l
}

func apply(t *testing.T, c *correlation.Correlation, m *message) *correlation.Output {
	t.Helper()
	out := c.Apply(&m.changes, m.storedAt)
	for _, f := range out.Failures {
		t.Errorf("rule %s of host %s: %v", f.Rule, f.Host, f.Err)
	}
	return out
}

// outcome is what followed in a scene.
type outcome struct {
	alerts    []*event.Alert
	incidents []*event.Incident // each as it was at last, in the order in which they were opened
}

func (l *lesson) play(t *testing.T, p *play) *outcome {
	t.Helper()
	c := correlation.New(l.set, l.options)
	if err := c.Restore(l.saved); err != nil {
		t.Fatal(err)
	}
	c.Use(l.set)
	o := new(outcome)
	last := map[string]int{}
	for _, m := range p.messages(dayStart(1), p.dense, p.end) {
		if m.storedAt.Before(p.begin) {
			continue
		}
		out := apply(t, c, &m)
		o.alerts = append(o.alerts, out.Alerts...)
		for _, i := range out.Incidents {
			if i.OpenedAt.Before(p.begin) {
				continue
			}
			n, ok := last[i.ID]
			if !ok {
				n = len(o.incidents)
				last[i.ID] = n
				o.incidents = append(o.incidents, nil)
			}
			o.incidents[n] = i
		}
	}
	o.incidents = slices.DeleteFunc(o.incidents, func(i *event.Incident) bool { return i.MergedInto != "" })
	return o
}
