package ruletest

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"headstart/detect/rule"
	"headstart/yamlsrc"
)

// Options say which tests are played.
type Options struct {
	Wanted   func(rule, name string) bool // which cases; nil: all
	Clock    func() time.Time             // to say how long they took; nil: nothing is said
	Before   func(file string) *rule.Set  // the rules without the directories that come after that of a file; nil, also as its answer: there are none
	Progress func(done, total int)        // of cases; nil: nobody asks. One call at a time
}

// Report is what came of the tests of a set of rules.
type Report struct {
	Rules  []RuleReport `json:"rules"` // by id; those that have cases that are wanted, and those that have none
	Passed int          `json:"passed"`
	Failed int          `json:"failed"`

	// Changed are the cases that fail only because a later directory changes
	// something, as it means to: an override, a list, a rule.
	Changed int `json:"changed"`
}

// RuleReport is what came of a rule's tests.
type RuleReport struct {
	Rule     string       `json:"rule"`
	File     string       `json:"file"`
	Disabled bool         `json:"disabled,omitempty"` // then its tests are not played
	Cases    []CaseReport `json:"cases"`

	// Overrides are what later directories change of the rule, which its tests
	// may not know: "local/ssh.yaml overrides thresholds".
	Overrides []string `json:"overrides,omitempty"`

	// Fires and Silent say whether there is a case, wanted or not, in which the
	// rule fires, and one in which it doesn't.
	Fires  bool `json:"fires"`
	Silent bool `json:"silent"`
}

// CaseReport is what came of a case.
type CaseReport struct {
	Name    string  `json:"name"`
	File    string  `json:"file"`
	Line    int     `json:"line"` // of the file
	Passed  bool    `json:"passed"`
	Changed bool    `json:"changed,omitempty"` // it fails, and passed without the later directories
	Seconds float64 `json:"seconds"`

	Verdict
	Alerts []Came `json:"alerts,omitempty"` // all that came
}

// Lacks says which kind of case a rule lacks; nothing if it has both, or is
// disabled.
func (r *RuleReport) Lacks() string {
	switch {
	case r.Disabled || r.Fires && r.Silent:
		return ""
	case !r.Fires && !r.Silent:
		return "has no tests"
	case !r.Fires:
		return "has no case in which it fires"
	}
	return "has no case in which it nearly fires, and doesn't"
}

// job is a rule whose tests are played.
type job struct {
	trial  *Trial
	report *RuleReport
	wanted []int // of its cases
}

// Run plays the tests of a set's rules, several rules at a time. The error is
// rule.Errors when there are mistakes in any of the tests: then none is played.
func Run(ctx context.Context, set *rule.Set, o Options) (*Report, error) {
	if o.Clock == nil {
		o.Clock = func() time.Time { return time.Time{} }
	}
	report, jobs, total, mistakes := plan(set, o)
	if mistakes != nil {
		return nil, mistakes
	}
	var lock sync.Mutex
	done := 0
	next := func() {
		lock.Lock()
		defer lock.Unlock()
		if done++; o.Progress != nil {
			o.Progress(done, total)
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for _, j := range jobs {
		g.Go(func() error { return j.play(ctx, set, &o, next) })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for i := range report.Rules {
		for k := range report.Rules[i].Cases {
			switch c := &report.Rules[i].Cases[k]; {
			case c.Passed:
				report.Passed++
			case c.Changed:
				report.Changed++
			default:
				report.Failed++
			}
		}
	}
	return report, nil
}

// plan reads all tests.
func plan(set *rule.Set, o Options) (report *Report, jobs []job, total int, mistakes yamlsrc.Diagnostics) {
	report = &Report{Rules: make([]RuleReport, 0, len(set.Rules))}
	for _, r := range set.Rules {
		one := RuleReport{Rule: r.ID, File: r.File, Disabled: !r.Enabled, Cases: []CaseReport{}}
		if r.Tests != nil {
			one.File = r.Tests.File
		}
		for i := range r.Overrides {
			one.Overrides = append(one.Overrides, r.Overrides[i].File+" overrides "+strings.Join(r.Overrides[i].Fields, ", "))
		}
		var t *Trial
		if r.Tests != nil {
			var wrong yamlsrc.Diagnostics
			if t, wrong = Read(set, r); wrong != nil {
				mistakes = append(mistakes, wrong...)
				continue
			}
		}
		j := job{trial: t}
		if t != nil {
			for n, c := range t.Cases {
				one.Fires, one.Silent = one.Fires || c.Fires, one.Silent || c.Silent
				if r.Enabled && (o.Wanted == nil || o.Wanted(r.ID, c.Name)) {
					j.wanted = append(j.wanted, n)
				}
			}
		}
		if o.Wanted != nil && len(j.wanted) == 0 {
			continue
		}
		report.Rules = append(report.Rules, one)
		if j.report = &report.Rules[len(report.Rules)-1]; len(j.wanted) > 0 {
			jobs = append(jobs, j)
			total += len(j.wanted)
		}
	}
	return report, jobs, total, mistakes
}

func (j *job) play(ctx context.Context, set *rule.Set, o *Options, next func()) error {
	began := o.Clock()
	lesson, err := j.trial.Learn(ctx, set)
	if err != nil {
		return err
	}
	for _, n := range j.wanted {
		one, err := lesson.report(ctx, set, n)
		if err != nil {
			return err
		}
		if !one.Passed && o.Before != nil {
			if one.Changed, err = j.passed(ctx, o.Before(j.trial.File), n); err != nil {
				return err
			}
		}
		now := o.Clock()
		one.Seconds = now.Sub(began).Seconds() // the first has the learning too
		began = now
		j.report.Cases = append(j.report.Cases, *one)
		next()
	}
	return nil
}

// passed reports whether a case passes with other rules; nil are none.
func (j *job) passed(ctx context.Context, set *rule.Set, n int) (bool, error) {
	if set == nil {
		return false, nil
	}
	lesson, err := j.trial.Learn(ctx, set)
	if err != nil {
		return false, err
	}
	scene, err := lesson.Scene(ctx, set, n)
	if err != nil {
		return false, err
	}
	outcome, err := scene.Play(ctx, set)
	if err != nil {
		return false, err
	}
	return outcome.Verdict(j.trial).Passed(), nil
}

// report plays a case.
func (l *Lesson) report(ctx context.Context, set *rule.Set, n int) (*CaseReport, error) {
	scene, err := l.Scene(ctx, set, n)
	if err != nil {
		return nil, err
	}
	outcome, err := scene.Play(ctx, set)
	if err != nil {
		return nil, err
	}
	v := outcome.Verdict(l.trial)
	if err := scene.Explain(ctx, set, v); err != nil {
		return nil, err
	}
	r := &CaseReport{Name: scene.Case.Name, File: scene.Case.File, Line: scene.Case.Line, Passed: v.Passed(), Verdict: *v}
	for _, a := range outcome.Alerts {
		r.Alerts = append(r.Alerts, l.trial.came(a, 0))
	}
	return r, nil
}
