package rule

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// part is what a rule asks of one connection: its condition, or that of a step
// of its sequence, and what a match is known by.
type part struct {
	condition condition
	lasts     time.Duration // that the connection must have, see Rule.For
	by        []value
	of, sum   value
	usual     bool // the usual fan-out is asked for
}

// name is how messages call the part of a rule.
func (r *Rule) partName(number int) string {
	if r.Sequence == nil {
		return "rule " + r.ID
	}
	return fmt.Sprintf("rule %s: step %d", r.ID, number+1)
}

// keySeparator stands between the values of a key. No value has one.
const keySeparator = "\x00"

// maxKey is the limit of a key, and of a counted value, in bytes: patterns
// remember them.
const maxKey = 1024

// describe adds to a match what it is known by.
func (e *Evaluator) describe(p *part, result *Result, o *Observation) error {
	e.key = e.key[:0]
	for i := range p.by {
		if i > 0 {
			e.key = append(e.key, keySeparator...)
		}
		if err := e.append(&p.by[i], o); err != nil {
			return fmt.Errorf("by: %w", err)
		}
	}
	result.By = string(e.key)
	if p.of.program != nil {
		e.key = e.key[:0]
		if err := e.append(&p.of, o); err != nil {
			return fmt.Errorf("of: %w", err)
		}
		result.Of = string(e.key)
	}
	if p.sum.program != nil {
		v, err := e.run(&p.sum.clause, o)
		if err != nil {
			return fmt.Errorf("sum: %w", err)
		}
		if result.Sum = number(v); math.IsNaN(result.Sum) || math.IsInf(result.Sum, 0) {
			return fmt.Errorf("sum: a division by 0")
		}
	}
	if p.usual {
		result.Usual = e.see(o, true).(Env).Baseline.Fanout.P99
	}
	return nil
}

// append adds a value to the key, as text.
func (e *Evaluator) append(v *value, o *Observation) error {
	of, err := e.run(&v.clause, o)
	if err != nil {
		return err
	}
	if e.key = appendValue(e.key, of); len(e.key) > maxKey {
		return fmt.Errorf("it has more than %d bytes", maxKey)
	}
	return nil
}

// withoutSeparator keeps a text, which may be a hostile host's, from being
// taken for two values.
func withoutSeparator(text string) string {
	if !strings.Contains(text, keySeparator) {
		return text
	}
	return strings.ReplaceAll(text, keySeparator, "\ufffd")
}
