package condition

import (
	"errors"
	"fmt"
	"time"

	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"
)

// memoryBudget is how many elements an evaluation may put into lists of its
// own; expr stops it there. The language has no way to make longer ones.
const memoryBudget = 10_000

// Machine evaluates conditions. One goroutine uses it at a time.
type Machine struct {
	internal *NetworkSet
	vm       vm.VM
	round    uint64   // counts observations
	answers  []answer // of conditions, by their number

	// What conditions see of the observation, built when the first one needs
	// it. expr reads fields of a value, not of a pointer, without copying them.
	change any // a Change
	env    any // an Env
}

// Machine returns one for the conditions that are compiled so far.
func (l *Language) Machine() *Machine {
	return &Machine{
		internal: l.Lists.Networks[InternalNetworks], vm: vm.VM{MemoryBudget: memoryBudget}, answers: make([]answer, 1+len(l.numbers)),
	}
}

// answer is what a condition says of the observation of a round.
type answer struct {
	round uint64
	holds bool
	wait  time.Duration
}

// Begin forgets what was seen of the observation before.
func (m *Machine) Begin() {
	m.change, m.env = nil, nil
	m.round++
}

// Holds reports whether a condition holds. When only its bounds don't, and the
// connection can get older, it says how much older it must get.
func (m *Machine) Holds(c *Condition, o *Observation) (holds bool, wait time.Duration, err error) {
	if c.number == 0 || c.number >= len(m.answers) {
		return m.decide(c, o)
	}
	a := &m.answers[c.number]
	if a.round == m.round {
		return a.holds, a.wait, nil
	}
	if holds, wait, err = m.decide(c, o); err == nil {
		*a = answer{m.round, holds, wait}
	}
	return holds, wait, err
}

// Again is what a connection waits for that lacks nothing but another rule's
// firing: the next time that it is looked at.
const Again = time.Nanosecond

func (m *Machine) decide(c *Condition, o *Observation) (holds bool, wait time.Duration, err error) {
	for i := range c.Clauses {
		value, err := m.Run(&c.Clauses[i], o)
		if err != nil {
			return false, 0, err
		}
		if holds, ok := value.(bool); !ok {
			return false, 0, fmt.Errorf("the condition is %T, not true or false", value)
		} else if !holds && !c.Clauses[i].Fired {
			return false, 0, nil
		} else if !holds {
			wait = Again
		}
	}
	for i := range c.Bounds {
		missing, err := m.missing(&c.Bounds[i], o)
		if err != nil {
			return false, 0, err
		}
		wait = max(wait, missing)
	}
	if wait > 0 && (wait == Longest || o.Connection == nil || !Lasts(o.Connection)) {
		return false, 0, nil
	}
	return true, wait, nil
}

// missing returns how much older a connection must get to be over a bound; the
// longest duration for never.
func (m *Machine) missing(b *bound, o *Observation) (time.Duration, error) {
	must := b.fixed
	if b.program != nil {
		value, err := m.Run(&b.Clause, o)
		if err != nil {
			return 0, err
		}
		var ok bool
		if must, ok = value.(time.Duration); !ok {
			return 0, fmt.Errorf("the age is compared with %T, not with a duration", value)
		}
	}
	var age Age
	if o.Connection != nil {
		age = AgeOf(o.Connection, o.At)
	}
	has := age.Min
	if b.most {
		has = age.Max
	}
	if must == Longest {
		if b.orAt && has == Longest {
			return 0, nil
		}
		return Longest, nil
	}
	if !b.orAt {
		must++
	}
	return max(0, addDurations(must, -has)), nil
}

// see returns what programs see that need the baseline, or don't.
func (m *Machine) see(o *Observation, baseline bool) any {
	if !baseline {
		if m.change == nil {
			m.change = o.change(m.internal)
		}
		return m.change
	}
	if m.env == nil {
		m.env = Env{o.change(m.internal), o.baseline()}
	}
	return m.env
}

// Run evaluates a program.
func (m *Machine) Run(c *Clause, o *Observation) (any, error) {
	value, err := m.vm.Run(c.program, m.see(o, c.baseline))
	if err != nil {
		var placed *file.Error
		if errors.As(err, &placed) {
			return nil, fmt.Errorf("%s at character %d", placed.Message, placed.Column+1)
		}
		return nil, err
	}
	return value, nil
}

// Append adds a value to a key, as text.
func (m *Machine) Append(key []byte, v *Value, o *Observation) ([]byte, error) {
	of, err := m.Run(&v.Clause, o)
	if err != nil {
		return key, err
	}
	return AppendValue(key, of), nil
}

// Number evaluates a number.
func (m *Machine) Number(v *Value, o *Observation) (float64, error) {
	of, err := m.Run(&v.Clause, o)
	if err != nil {
		return 0, err
	}
	return number(of), nil
}

// Fanout is baseline.fanout.p99.
func (m *Machine) Fanout(o *Observation) float64 { return m.see(o, true).(Env).Baseline.Fanout.P99 }
