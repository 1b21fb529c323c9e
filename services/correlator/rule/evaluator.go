package rule

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"
)

// memoryBudget is how many elements an evaluation may put into lists of its
// own; expr stops it there. The language has no way to make longer ones.
const memoryBudget = 10_000

// Evaluator evaluates the rules of a set. One goroutine uses it at a time.
type Evaluator struct {
	set     *Set
	vm      vm.VM
	env     any // an Env; expr reads fields of a value, not of a pointer, without copying them
	results []Result
}

// NewEvaluator returns an evaluator for the rules of a set.
func NewEvaluator(set *Set) *Evaluator {
	return &Evaluator{set: set, vm: vm.VM{MemoryBudget: memoryBudget}}
}

// Result is what an enabled rule says of a connection when its condition
// holds, or when it could not be evaluated.
type Result struct {
	Rule  *Rule
	Wait  time.Duration // how much older the connection must at least get, for Rule.For
	Muted *Exception    // holds too
	Err   error         // why the rule could not be evaluated
}

// Fires reports whether the rule is to raise an alert, if it hasn't yet on
// this connection.
func (r *Result) Fires() bool { return r.Wait == 0 && r.Muted == nil && r.Err == nil }

// Evaluate returns the results of the rules whose condition holds, by id. They
// are valid until the next call.
func (e *Evaluator) Evaluate(o Observation) []Result {
	e.env, e.results = nil, e.results[:0]
	seen := e.set.sight(&o)
	e.scan(e.set.index.byPort[seen.port], &seen, &o)
	e.scan(e.set.index.anyPort, &seen, &o)
	if len(e.results) > 1 {
		slices.SortFunc(e.results, func(a, b Result) int { return strings.Compare(a.Rule.ID, b.Rule.ID) })
	}
	return e.results
}

func (e *Evaluator) scan(candidates []candidate, seen *sighting, o *Observation) {
	for i := range candidates {
		if seen.lacks(&candidates[i].needs) {
			continue
		}
		if r, ok := e.evaluate(candidates[i].rule, o); ok {
			e.results = append(e.results, r)
		}
	}
}

// EvaluateRule returns the result of one rule of the set, false when its
// condition doesn't hold: for a connection whose age has reached what the rule
// waits for.
func (e *Evaluator) EvaluateRule(r *Rule, o Observation) (Result, bool) {
	e.env = nil
	if !r.Enabled {
		return Result{}, false
	}
	return e.evaluate(r, &o)
}

func (e *Evaluator) evaluate(r *Rule, o *Observation) (Result, bool) {
	if r.For > 0 && !lasts(o.Connection) {
		return Result{}, false
	}
	if e.env == nil {
		e.env = o.env(e.set)
	}
	result := Result{Rule: r}
	holds, err := e.holds(&r.condition)
	if err != nil {
		result.Err = fmt.Errorf("rule %s: when: %w", r.ID, err)
		return result, true
	}
	if !holds {
		return Result{}, false
	}
	if r.For > 0 {
		if result.Wait = max(0, r.For-ageOf(o.Connection, o.At).Min); result.Wait > 0 {
			return result, true
		}
	}
	for _, exception := range r.Unless {
		if exception.Expired(o.At) {
			continue
		}
		holds, err := e.holds(&exception.condition)
		if err != nil {
			result.Err = fmt.Errorf("rule %s: unless (%s): %w", r.ID, exception.Owner, err)
			return result, true
		}
		if holds {
			result.Muted = exception
			return result, true
		}
	}
	return result, true
}

func (e *Evaluator) holds(c *condition) (bool, error) {
	value, err := e.vm.Run(c.program, e.env)
	if err != nil {
		var placed *file.Error
		if errors.As(err, &placed) {
			return false, fmt.Errorf("%s at character %d", placed.Message, placed.Column+1)
		}
		return false, err
	}
	holds, ok := value.(bool)
	if !ok {
		return false, fmt.Errorf("the condition is %T, not true or false", value)
	}
	return holds, nil
}
