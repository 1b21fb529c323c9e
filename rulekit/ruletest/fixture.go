package ruletest

import (
	"context"
	"fmt"
	"time"

	"headstart/conntable"
	"headstart/detect"
	"headstart/detect/baseline"
	"headstart/detect/inventory"
	"headstart/detect/rule"
	"headstart/event"
)

// Fixture is the state after the learning period and the quiet hours that all
// cases have in common: the tables of the hosts, and the correlator's state.
type Fixture struct {
	suite       *Suite
	options     detect.Options
	from        time.Time // until when it has been played
	hosts       []hostState
	correlation []byte
}

// learned is a host's state when a case begins.
type hostState struct {
	table    []byte // as the tracker saves it; nil when its poller did not run yet
	sequence uint64
}

// Learn plays the learning period, and of the following day what comes before
// the first event of any case, unless a rule fires in it: each case then plays
// it itself. Only a context that is done makes it fail, or a fault of this
// program.
func (t *Suite) Learn(ctx context.Context, set *rule.Set) (*Fixture, error) {
	l := &Fixture{suite: t, options: t.options(), from: firstDay}
	if _, err := l.play(ctx, set, dayStart(t.days+1)); err != nil {
		return nil, fmt.Errorf("learn: %w", err)
	}
	common := *l
	quiet, err := common.play(ctx, set, t.firstDense())
	switch {
	case err != nil:
		return nil, fmt.Errorf("learn: %w", err)
	case quiet:
		return &common, nil
	}
	return l, nil
}

// firstDense is when the first event of any case begins.
func (t *Suite) firstDense() time.Time {
	first := dayStart(t.days + 1)
	for i, c := range t.Cases {
		if i == 0 || c.dense.Before(first) {
			first = c.dense
		}
	}
	return first
}

// play goes on with what happens in the baseline until a time, and reports
// whether no rule fired.
func (l *Fixture) play(ctx context.Context, set *rule.Set, to time.Time) (quiet bool, err error) {
	t := l.suite
	st := &stretch{from: l.from, dense: to, to: to, listens: t.listens, flows: t.flowsUntil(to.Add(lead), nil)}
	f, err := t.newFleet(st)
	if err != nil {
		return false, err
	}
	c := detect.New(set, l.options)
	if l.correlation != nil {
		if err := c.Restore(l.correlation); err != nil {
			return false, err
		}
		if err := f.restore(l.hosts); err != nil {
			return false, err
		}
	}
	quiet = true
	for m := range f.messages() {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		out := c.Apply(&m.changes, m.storedAt)
		quiet = quiet && len(out.Alerts)+len(out.Fed)+len(out.Failures) == 0
	}
	if l.correlation, err = c.Save(); err != nil {
		return false, err
	}
	before := l.hosts
	l.hosts, l.from = nil, to
	for i, h := range f.hosts {
		if h.last.TakenAt.IsZero() && before != nil { // it was not read
			l.hosts = append(l.hosts, before[i])
			continue
		}
		one, err := h.save()
		if err != nil {
			return false, err
		}
		l.hosts = append(l.hosts, one)
	}
	return quiet, nil
}

// flowsUntil returns the connections of the baseline and of a case that begin by
// a time.
func (t *Suite) flowsUntil(to time.Time, c *Case) (all []flow) {
	of := [][]flow{t.learned, t.today}
	if c != nil {
		of = append(of, c.flows)
	}
	for _, flows := range of {
		for i := range flows {
			if !flows[i].start.After(to) {
				all = append(all, flows[i])
			}
		}
	}
	return all
}

// options are those of a test: the learning period is a day shorter than the
// learned days.
func (t *Suite) options() detect.Options {
	inv := new(inventory.Inventory)
	for _, m := range t.machines {
		if m.listed {
			inv.Hosts = append(inv.Hosts, inventory.Host{Name: m.name, Addresses: []event.Address{m.address}, Roles: m.roles, Monitored: m.reports})
		}
	}
	return detect.Options{Inventory: inv, Baseline: baseline.Options{Learning: time.Duration(max(t.days-1, 0)) * 24 * time.Hour}}
}

func (h *polledHost) save() (l hostState, err error) {
	l.sequence = h.sequence
	if h.sequence == 0 {
		return l, nil
	}
	var encoder event.SnapshotEncoder
	message, err := encoder.Append(nil, &h.last)
	if err != nil {
		return l, err
	}
	var codec conntable.Codec
	l.table = codec.Append(nil, h.table, message)
	return l, nil
}

func (f *fleet) restore(hosts []hostState) error {
	for i, h := range f.hosts {
		if err := h.restore(&hosts[i]); err != nil {
			return err
		}
	}
	return nil
}

func (h *polledHost) restore(l *hostState) (err error) {
	h.sequence = l.sequence
	if l.table != nil {
		var codec conntable.Codec
		h.table, err = codec.Restore(l.table)
	}
	return err
}

// Scenario is a case ready to be played, with any rules and any number of times.
// It is immutable.
type Scenario struct {
	Case *Case

	fixture  *Fixture
	begun    []byte // the correlator's state
	messages []*message
}

// Scenario prepares a case. It plays the time before the first event of the case
// with the rules of the fixture.
func (l *Fixture) Scenario(ctx context.Context, set *rule.Set, number int) (*Scenario, error) {
	t, c := l.suite, l.suite.Cases[number]
	s := &Scenario{Case: c, fixture: l, begun: l.correlation}
	f, err := t.newFleet(&stretch{
		from: l.from, dense: c.dense, to: c.end.Add(1), listens: t.listens, begins: c.begins, silent: c.silent, flows: t.flowsUntil(c.end, c),
	})
	if err == nil {
		err = f.restore(l.hosts)
	}
	if err != nil {
		return nil, fmt.Errorf("case %s: %w", c.Name, err)
	}
	for m := range f.messages() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s.messages = append(s.messages, m)
	}
	return s, s.playLead(set)
}

// playLead plays the time before the first event. If a rule fires, it is left to
// Play.
func (s *Scenario) playLead(set *rule.Set) error {
	c, err := s.begin(set)
	if err != nil {
		return err
	}
	n := 0
	for ; n < len(s.messages) && s.messages[n].storedAt.Before(s.Case.dense); n++ {
		out := c.Apply(&s.messages[n].changes, s.messages[n].storedAt)
		if len(out.Alerts)+len(out.Fed)+len(out.Failures) > 0 {
			return nil
		}
	}
	saved, err := c.Save()
	if err != nil {
		return fmt.Errorf("case %s: %w", s.Case.Name, err)
	}
	s.begun, s.messages = saved, s.messages[n:]
	return nil
}

func (s *Scenario) begin(set *rule.Set) (*detect.Engine, error) {
	c := detect.New(set, s.fixture.options)
	if err := c.Restore(s.begun); err != nil {
		return nil, fmt.Errorf("case %s: %w", s.Case.Name, err)
	}
	return c, nil
}

// Outcome is the result of a case.
type Outcome struct {
	Case     *Case
	Alerts   []*event.Alert
	Fed      []*event.Alert // matches of building blocks
	Failures []error        // of rules that could not be evaluated
}

// Play plays a case with a rule set.
func (s *Scenario) Play(ctx context.Context, set *rule.Set) (*Outcome, error) {
	c, err := s.begin(set)
	if err != nil {
		return nil, err
	}
	o := &Outcome{Case: s.Case}
	for _, m := range s.messages {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		changes := m.changes
		out := c.Apply(&changes, m.storedAt)
		o.Alerts = append(o.Alerts, out.Alerts...)
		o.Fed = append(o.Fed, out.Fed...)
		for _, f := range out.Failures {
			o.Failures = append(o.Failures, fmt.Errorf("rule %s could not be evaluated on host %s: %w", f.Rule, f.Host, f.Err))
		}
	}
	return o, nil
}
