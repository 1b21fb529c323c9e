package rule

import (
	"fmt"
	"headstart/detect/rule/condition"
	"math"
	"time"
)

// part is what a rule asks of one connection: its condition, or that of a step
// of its sequence, and what a match is known by.
type part struct {
	condition when
	lasts     time.Duration // that the connection must have, see Rule.For
	by        []condition.Value
	of, sum   condition.Value
	usual     bool // the usual fan-out is asked for
}

// name is how messages call the part of a rule.
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
func (e *Evaluator) describe(p *part, result *Result, o *Observation) error {
	e.key = e.key[:0]
	for i := range p.by {
		if i > 0 {
			e.key = append(e.key, condition.KeySeparator...)
		}
		if err := e.append(&p.by[i], o); err != nil {
			return fmt.Errorf("by: %w", err)
		}
	}
	result.By = string(e.key)
	if p.of.Given() {
		e.key = e.key[:0]
		if err := e.append(&p.of, o); err != nil {
			return fmt.Errorf("of: %w", err)
		}
		result.Of = string(e.key)
	}
	if p.sum.Given() {
		var err error
		if result.Sum, err = e.Number(&p.sum, o); err != nil {
			return fmt.Errorf("sum: %w", err)
		}
		if math.IsNaN(result.Sum) || math.IsInf(result.Sum, 0) {
			return fmt.Errorf("sum: a division by 0")
		}
	}
	if p.usual {
		result.Usual = e.Fanout(o)
	}
	return nil
}

// append adds a value to the key, as text.
func (e *Evaluator) append(v *condition.Value, o *Observation) (err error) {
	if e.key, err = e.Machine.Append(e.key, v, o); err == nil && len(e.key) > maxKey {
		err = fmt.Errorf("it has more than %d bytes", maxKey)
	}
	return err
}
