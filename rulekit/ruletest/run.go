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

// Options select tests, and measure them.
type Options struct {
	Wanted   func(rule, name string) bool // cases to play; nil for all
	Clock    func() time.Time             // measures durations; nil for none
	Before   func(file string) *rule.Set  // the rule set without the layers after that of a file; it, and its result, may be nil
	Progress func(done, total int)        // of cases, one call at a time; may be nil
}

// Report is the result of the tests of a rule set.
type Report struct {
	Rules  []RuleReport `json:"rules"` // by id: those with wanted cases, and those without cases
	Passed int          `json:"passed"`
	Failed int          `json:"failed"`

	// Changed counts the cases that fail only because of a later layer: an
	// override, a list, a rule.
	Changed int `json:"changed"`
}

// RuleReport is the result of a rule's tests.
type RuleReport struct {
	Rule     string       `json:"rule"`
	File     string       `json:"file"`
	Disabled bool         `json:"disabled,omitempty"` // its tests are not played
	Cases    []CaseReport `json:"cases"`

	// Overrides are the changes of the rule by later layers:
	// "local/ssh.yaml overrides thresholds".
	Overrides []string `json:"overrides,omitempty"`

	// Fires and Silent report whether a case, wanted or not, expects the rule to
	// fire, and whether one expects it not to.
	Fires  bool `json:"fires"`
	Silent bool `json:"silent"`
}

// CaseReport is the result of a case.
type CaseReport struct {
	Name    string  `json:"name"`
	File    string  `json:"file"`
	Line    int     `json:"line"` // of the file
	Passed  bool    `json:"passed"`
	Changed bool    `json:"changed,omitempty"` // it fails, and passes without the later layers
	Seconds float64 `json:"seconds"`

	Verdict
	Alerts []Raised `json:"alerts,omitempty"` // all that were raised
}

// Lacks describes the kind of case that a rule lacks; empty if it has both, or is
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
	return "has no case in which it nearly fires"
}

// job is a rule whose tests are to be played.
type job struct {
	suite  *Suite
	report *RuleReport
	wanted []int // of its cases
}

// Run plays the tests of a set's rules, several rules concurrently. The error is
// rule.Errors if any of the tests is invalid; then none is played.
func Run(ctx context.Context, set *rule.Set, o Options) (*Report, error) {
	if o.Clock == nil {
		o.Clock = func() time.Time { return time.Time{} }
	}
	report, jobs, total, invalid := plan(set, o)
	if invalid != nil {
		return nil, invalid
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
func plan(set *rule.Set, o Options) (report *Report, jobs []job, total int, invalid yamlsrc.Diagnostics) {
	report = &Report{Rules: make([]RuleReport, 0, len(set.Rules))}
	for _, r := range set.Rules {
		one := RuleReport{Rule: r.ID, File: r.File, Disabled: !r.Enabled, Cases: []CaseReport{}}
		if r.Tests != nil {
			one.File = r.Tests.File
		}
		for i := range r.Overrides {
			one.Overrides = append(one.Overrides, r.Overrides[i].File+" overrides "+strings.Join(r.Overrides[i].Fields, ", "))
		}
		var t *Suite
		if r.Tests != nil {
			var wrong yamlsrc.Diagnostics
			if t, wrong = Read(set, r); wrong != nil {
				invalid = append(invalid, wrong...)
				continue
			}
		}
		j := job{suite: t}
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
	return report, jobs, total, invalid
}

func (j *job) play(ctx context.Context, set *rule.Set, o *Options, next func()) error {
	began := o.Clock()
	fixture, err := j.suite.Learn(ctx, set)
	if err != nil {
		return err
	}
	for _, n := range j.wanted {
		one, err := fixture.report(ctx, set, n)
		if err != nil {
			return err
		}
		if !one.Passed && o.Before != nil {
			if one.Changed, err = j.passed(ctx, o.Before(j.suite.File), n); err != nil {
				return err
			}
		}
		now := o.Clock()
		one.Seconds = now.Sub(began).Seconds() // the first includes the learning period
		began = now
		j.report.Cases = append(j.report.Cases, *one)
		next()
	}
	return nil
}

// passed reports whether a case passes with other rules, which may be nil.
func (j *job) passed(ctx context.Context, set *rule.Set, n int) (bool, error) {
	if set == nil {
		return false, nil
	}
	fixture, err := j.suite.Learn(ctx, set)
	if err != nil {
		return false, err
	}
	scenario, err := fixture.Scenario(ctx, set, n)
	if err != nil {
		return false, err
	}
	outcome, err := scenario.Play(ctx, set)
	if err != nil {
		return false, err
	}
	return outcome.Verdict(j.suite).Passed(), nil
}

// report plays a case.
func (l *Fixture) report(ctx context.Context, set *rule.Set, n int) (*CaseReport, error) {
	scenario, err := l.Scenario(ctx, set, n)
	if err != nil {
		return nil, err
	}
	outcome, err := scenario.Play(ctx, set)
	if err != nil {
		return nil, err
	}
	v := outcome.Verdict(l.suite)
	if err := scenario.Explain(ctx, set, v); err != nil {
		return nil, err
	}
	r := &CaseReport{Name: scenario.Case.Name, File: scenario.Case.File, Line: scenario.Case.Line, Passed: v.Passed(), Verdict: *v}
	for _, a := range outcome.Alerts {
		r.Alerts = append(r.Alerts, l.suite.raised(a, 0))
	}
	return r, nil
}
