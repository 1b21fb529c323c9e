package detect_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"headstart/detect"
	"headstart/detect/baseline"
	"headstart/detect/rule"
	"headstart/event"
	rules "headstart/rules.expr"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write what follows into the scripts; review every line")

// defaultRules loads the default ruleset once for all tests.
var defaultRules = sync.OnceValues(func() (*rule.Set, error) { return rule.Load(rules.Files, "rules.expr") })

func defaultSet(t testing.TB) *rule.Set {
	t.Helper()
	set, err := defaultRules()
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// sample returns the number of seeds of a test: a fraction with -short.
func sample(seeds uint64) uint64 {
	if testing.Short() {
		return max(1, seeds/4)
	}
	return seeds
}

// scriptFile is a script of the pack, and the file that it is in.
type scriptFile struct {
	*script
	name    string
	archive *txtar.Archive

	// learned is the engine after the learning: several tests use it.
	learned func() (*fixture, error)
}

// scriptFiles are read once for all tests.
var scriptFiles = sync.OnceValues(func() (all []scriptFile, err error) {
	names, err := filepath.Glob("testdata/pack/*.txtar")
	if err != nil || len(names) == 0 {
		return nil, fmt.Errorf("no scripts: %w", err)
	}
	set, err := defaultRules()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			return nil, err
		}
		s, err := parseScript(archive)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, scriptFile{s, name, archive, sync.OnceValues(func() (*fixture, error) { return s.learn(set) })})
	}
	return all, nil
})

func readScripts(t *testing.T) []scriptFile {
	t.Helper()
	all, err := scriptFiles()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// fixture returns the engine after the learning of a script.
func (f *scriptFile) fixture(t *testing.T) *fixture {
	t.Helper()
	learned, err := f.learned()
	if err != nil {
		t.Fatal(err)
	}
	return learned
}

// TestIncidents plays the scripts through the shipped pack.
func TestIncidents(t *testing.T) {
	set := defaultSet(t)
	for _, f := range readScripts(t) {
		t.Run(strings.TrimSuffix(filepath.Base(f.name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			learned := f.fixture(t)
			for _, sc := range f.scenes {
				t.Run(sc.name, func(t *testing.T) {
					p, err := f.stage(sc)
					if err != nil {
						t.Fatal(err)
					}
					o := learned.play(t, p)
					sc.checkAlerts(t, set, o)
					sc.checkIncidents(t, f.script, o)
				})
			}
			if *update {
				if err := os.WriteFile(f.name, txtar.Format(f.archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestReferenceIncidentStaysOne holds that all that the published incident raises
// goes under one id from the first alert on, and that people hear of it within a
// minute of the first poll that shows the database session beyond its usual length.
func TestReferenceIncidentStaysOne(t *testing.T) {
	all := readScripts(t)
	f := all[slices.IndexFunc(all, func(f scriptFile) bool { return strings.HasSuffix(f.name, "/incident-reference.txtar") })]
	p, err := f.stage(f.scenes[0])
	if err != nil {
		t.Fatal(err)
	}
	o := f.fixture(t).play(t, p)
	if len(o.incidents) != 1 || len(o.alerts) == 0 {
		t.Fatalf("%d incidents, %d alerts", len(o.incidents), len(o.alerts))
	}
	i := o.incidents[0]
	for _, a := range o.alerts {
		if a.Incident != i.ID {
			t.Errorf("%s %s went to incident %s, not %s", a.At.Format(clock), a.Rule, a.Incident, i.ID)
		}
	}
	shown := p.begin.Add(14*time.Hour + 31*time.Minute)
	if late := i.NotifiedAt.Sub(shown); !i.Notified || late < 0 || late > time.Minute {
		t.Errorf("people hear of it %s after the poll", late)
	}
}

// options are those of a script: a host learns for a day less than there are.
func (s *script) options(f *fleet) detect.Options {
	return detect.Options{
		Inventory: f.inventory(), Baseline: baseline.Options{Learning: time.Duration(max(s.days-1, 0)) * 24 * time.Hour},
	}
}

// fixture is an engine after the learning, as it was saved.
type fixture struct {
	set     *rule.Set
	options detect.Options
	saved   []byte
}

func (s *script) learn(set *rule.Set) (*fixture, error) {
	p, err := s.stage(new(scene))
	if err != nil {
		return nil, err
	}
	l := &fixture{set: set, options: s.options(&p.fleet)}
	c := detect.New(set, l.options)
	for _, m := range p.messages(dayStart(1), p.dense, p.end) {
		if !m.storedAt.Before(p.begin) {
			continue
		}
		for _, f := range c.Apply(&m.changes, m.storedAt).Failures {
			return nil, fmt.Errorf("rule %s of host %s: %w", f.Rule, f.Host, f.Err)
		}
	}
	l.saved, err = c.Save()
	return l, err
}

func apply(t *testing.T, c *detect.Engine, m *message) *detect.Output {
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

func (l *fixture) play(t *testing.T, p *play) *outcome {
	t.Helper()
	c := detect.New(l.set, l.options)
	if err := c.Restore(l.saved); err != nil {
		t.Fatal(err)
	}
	o := new(outcome)
	last := map[string]int{}
	p.heard = p.begin
	for _, m := range p.messages(dayStart(1), p.dense, p.end) {
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
