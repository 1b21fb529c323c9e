package detect_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"headstart/detect"
	"headstart/detect/firing"
	"headstart/detect/rule/explain"
)

// TestWhatIsObservedExplainsEveryAlert plays the scripts of the pack with an
// observer. Of each rule that looks at single connections exactly those raise an
// alert of which an explanation says that it holds; observing changes nothing.
func TestWhatIsObservedExplainsEveryAlert(t *testing.T) {
	t.Parallel()
	set := defaultSet(t)
	asked := map[firing.Trigger]int{}
	for _, f := range readScripts(t) {
		if filepath.Base(f.name) == "incident-hub.txtar" {
			continue // its hosts are many
		}
		learned, scenes := f.fixture(t), f.scenes
		if testing.Short() {
			scenes = scenes[:1]
		}
		for _, sc := range scenes {
			p, err := f.stage(sc)
			if err != nil {
				t.Fatal(err)
			}
			name := filepath.Base(f.name) + ", " + sc.name
			plain, observed := detect.New(set, learned.options), detect.New(set, learned.options)
			for _, c := range []*detect.Engine{plain, observed} {
				if err := c.Restore(learned.saved); err != nil {
					t.Fatal(err)
				}
			}
			p.heard = p.begin
			explainer := explain.New(set)
			holds, raised := map[string]bool{}, map[string]bool{}
			observed.Observe(func(a *firing.Evaluation) {
				asked[a.Trigger]++
				for _, r := range set.Rules {
					if a.Rule != nil && a.Rule != r || r.IsPattern() || !r.Enabled {
						continue
					}
					if e := explainer.Explain(r, 0, a.Observation); e.Verdict == explain.Holds {
						holds[fmt.Sprint(r.ID, " ", a.Observation.Connection.ID)] = true
					}
				}
			})
			for _, m := range p.messages(dayStart(1), p.dense, p.end) {
				want := len(apply(t, plain, &m).Alerts)
				out := apply(t, observed, &m)
				if len(out.Alerts) != want {
					t.Fatalf("%s: %d alerts when observed, else %d", name, len(out.Alerts), want)
				}
				for _, a := range out.Alerts {
					if r := set.Rule(a.Rule); !r.IsPattern() {
						raised[fmt.Sprint(a.Rule, " ", a.Connection.ID)] = true
					}
				}
			}
			for one := range raised {
				if !holds[one] {
					t.Errorf("%s: %s raised an alert, unexplained", name, one)
				}
			}
			for one := range holds {
				if !raised[one] {
					t.Errorf("%s: %s holds, and no alert was raised", name, one)
				}
			}
		}
	}
	for _, o := range []firing.Trigger{firing.OnChange, firing.Pending, firing.OnEnd, firing.OnAbsence} {
		if asked[o] == 0 {
			t.Errorf("nothing was asked on the occasion %s", o)
		}
	}
}
