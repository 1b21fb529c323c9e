package rule

import (
	"fmt"
	"math"
	"time"

	"headstart/detect/rule/condition"
)

// Part is what a rule evaluates of one connection: its condition, or that of a
// step of its sequence, and the key of a match.
type Part struct {
	When    When
	Lasts   time.Duration     // how long the connection must have lived, see Rule.For
	By      []condition.Value // the key of a match
	Of, Sum condition.Value   // what is counted, or added up
	fanout  bool              // the baseline fan-out is needed
}

// partName is how messages call the part of a rule.
func (r *Rule) partName(number int) string {
	if r.Sequence == nil {
		return "rule " + r.ID
	}
	return fmt.Sprintf("rule %s: step %d", r.ID, number+1)
}

// maxKey is the limit of a key, and of a counted value, in bytes: patterns
// remember them.
const maxKey = 1024

// describe adds to a match what it is known by.
func (e *Evaluator) describe(p *Part, result *Result, o *Observation) error {
	e.key = e.key[:0]
	for i := range p.By {
		if i > 0 {
			e.key = append(e.key, condition.KeySeparator...)
		}
		if err := e.append(&p.By[i], o); err != nil {
			return fmt.Errorf("by: %w", err)
		}
	}
	result.By = string(e.key)
	if p.Of.Given() {
		e.key = e.key[:0]
		if err := e.append(&p.Of, o); err != nil {
			return fmt.Errorf("of: %w", err)
		}
		result.Of = string(e.key)
	}
	if p.Sum.Given() {
		var err error
		if result.Sum, err = e.machine.Number(&p.Sum, o); err != nil {
			return fmt.Errorf("sum: %w", err)
		}
		if math.IsNaN(result.Sum) || math.IsInf(result.Sum, 0) {
			return fmt.Errorf("sum: a division by 0")
		}
	}
	if p.fanout {
		result.Usual = e.machine.Fanout(o)
	}
	return nil
}

// append adds a value to the key, as text.
func (e *Evaluator) append(v *condition.Value, o *Observation) (err error) {
	if e.key, err = e.machine.Append(e.key, v, o); err == nil && len(e.key) > maxKey {
		err = fmt.Errorf("it has more than %d bytes", maxKey)
	}
	return err
}
