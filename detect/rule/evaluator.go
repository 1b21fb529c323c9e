package rule

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"headstart/detect/rule/condition"
)

// Evaluator evaluates the rules of a set. One goroutine uses it at a time.
type Evaluator struct {
	machine *condition.Machine
	set     *Set
	key     []byte
	results []Result
	one     []Result // of EvaluateRule
	meter   *meter   // nil: nothing is measured
}

// NewEvaluator returns an evaluator for the rules of a set.
func NewEvaluator(set *Set) *Evaluator { return &Evaluator{set: set, machine: set.language.Machine()} }

// Result is what a part of an enabled rule says of a connection when its
// condition holds, or when it could not be evaluated.
type Result struct {
	Rule  *Rule
	Part  int           // the step of a sequence, from 0; else 0
	Wait  time.Duration // how much older the connection must at least get, for what the condition needs of its age, Rule.For or Step.For
	Muted *Exception    // holds too
	Err   error         // why the rule could not be evaluated

	// Of a pattern that fires:
	By    string  // the values that make the key, joined by a zero byte
	Of    string  // the value that is counted; empty where Count.Of is
	Sum   float64 // the number that is added up; 0 where Count.Sum is empty
	Usual float64 // baseline.fanout.p99, where Count.AboveUsual is set; else 0
}

// Fires reports whether the rule is to raise an alert, or its part a match, if
// it hasn't yet on this connection.
func (r *Result) Fires() bool { return r.Wait == 0 && r.Muted == nil && r.Err == nil }

// Evaluate returns the results of the rules whose condition holds, by id and
// part. They are valid until the next call.
func (e *Evaluator) Evaluate(o Observation) []Result {
	e.machine.Begin()
	e.results = e.results[:0]
	seen := e.set.features.Sight(&o)
	e.scan(e.set.index.byPort[seen.Port], &seen, &o)
	e.scan(e.set.index.anyPort, &seen, &o)
	if len(e.results) > 1 {
		slices.SortFunc(e.results, func(a, b Result) int {
			return cmp.Or(strings.Compare(a.Rule.ID, b.Rule.ID), a.Part-b.Part)
		})
	}
	return e.results
}

func (e *Evaluator) scan(candidates []candidate, seen *condition.Sighting, o *Observation) {
	for i := range candidates {
		if !seen.Lacks(&candidates[i].needs) {
			e.results = e.evaluate(e.results, candidates[i].rule, candidates[i].part, o)
		}
	}
}

// EvaluateRule returns the result of one part of a rule of the set, false when
// its condition doesn't hold: for a connection whose age has reached what the
// rule waits for.
func (e *Evaluator) EvaluateRule(r *Rule, part int, o Observation) (Result, bool) {
	e.machine.Begin()
	if !r.Enabled || part < 0 || part >= len(r.parts) {
		return Result{}, false
	}
	if e.one = e.evaluate(e.one[:0], r, part, &o); len(e.one) == 0 {
		return Result{}, false
	}
	return e.one[0], true
}

// Absent returns the result of an absent rule for what is missing, false when
// its condition doesn't hold: of a poller, the observation has only a host and
// a time; of a peer report, also the connection that the host reports and its peer
// doesn't.
func (e *Evaluator) Absent(r *Rule, o Observation) (Result, bool) {
	e.machine.Begin()
	if !r.Enabled || r.Absent == nil {
		return Result{}, false
	}
	result := Result{Rule: r}
	holds, wait, err := e.machine.Holds(&r.absent.Condition, &o)
	if result.Wait = wait; err != nil {
		result.Err = fmt.Errorf("rule %s: when: %w", r.ID, err)
		return result, true
	}
	if holds && wait == 0 {
		e.except(&result, &o)
	}
	return result, holds
}

// Machine returns what evaluates the conditions. It remembers what it has looked
// up for the latest observation.
func (e *Evaluator) Machine() *condition.Machine { return e.machine }

// Try evaluates a part of a rule, enabled or not, as [Evaluator.Evaluate] does;
// of an absent rule, as [Evaluator.Absent].
func (e *Evaluator) Try(r *Rule, part int, o Observation) (Result, bool) {
	enabled := *r
	enabled.Enabled = true
	if r.Absent != nil {
		return e.Absent(&enabled, o)
	}
	e.machine.Begin()
	p := r.Part(part)
	if p == nil || o.Connection == nil {
		return Result{}, false
	}
	if seen := e.set.features.Sight(&o); seen.Lacks(&p.When.Needs) {
		return Result{}, false
	}
	return e.EvaluateRule(&enabled, part, o)
}

// evaluate adds the result of a part of a rule, if it has one.
func (e *Evaluator) evaluate(results []Result, r *Rule, number int, o *Observation) []Result {
	if e.meter == nil || !e.meter.due() {
		return e.evaluatePart(results, r, number, o)
	}
	began := e.meter.clock()
	results = e.evaluatePart(results, r, number, o)
	e.meter.add(r, e.meter.clock()-began)
	return results
}

func (e *Evaluator) evaluatePart(results []Result, r *Rule, number int, o *Observation) []Result {
	p := &r.parts[number]
	if p.Lasts > 0 && !condition.Lasts(o.Connection) {
		return results
	}
	holds, wait, err := e.machine.Holds(&p.When.Condition, o)
	if err == nil && !holds {
		return results
	}
	results = append(results, Result{Rule: r, Part: number})
	result := &results[len(results)-1]
	if err != nil {
		result.Err = fmt.Errorf("%s: when: %w", r.partName(number), err)
		return results
	}
	if p.Lasts > 0 {
		wait = max(wait, p.Lasts-condition.AgeOf(o.Connection, o.At).Min)
	}
	if result.Wait = wait; wait > 0 {
		return results
	}
	e.except(result, o)
	if result.Fires() && p.By != nil {
		if err := e.describe(p, result, o); err != nil {
			result.Err = fmt.Errorf("%s: %w", r.partName(number), err)
		}
	}
	return results
}

// except evaluates the exceptions of a rule whose condition holds.
func (e *Evaluator) except(result *Result, o *Observation) {
	for _, exception := range result.Rule.Unless {
		if exception.Expired(o.At) {
			continue
		}
		holds, wait, err := e.machine.Holds(&exception.condition.Condition, o)
		if err != nil {
			result.Err = fmt.Errorf("%s: unless (%s): %w", result.Rule.partName(result.Part), exception.Owner, err)
			return
		}
		if holds && wait == 0 {
			result.Muted = exception
			return
		}
	}
}
