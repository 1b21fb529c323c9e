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

// Lesson is what is known after the learning: the tables of the hosts, and the
// correlator's state.
type Lesson struct {
	trial       *Trial
	options     detect.Options
	hosts       []learnt
	correlation []byte
}

// learnt is a host after the learning.
type learnt struct {
	table    []byte // as the tracker saves it; nil when its poller did not run yet
	sequence uint64
}

// Learn plays the days of the learning. Only a context that is done makes it
// fail, or a fault of this program.
func (t *Trial) Learn(ctx context.Context, set *rule.Set) (*Lesson, error) {
	l := &Lesson{trial: t, options: t.options()}
	begin := dayStart(t.days + 1)
	f, err := t.newFleet(&stretch{flows: t.learnt, from: firstDay, dense: begin, to: begin, listens: t.listens})
	if err != nil {
		return nil, fmt.Errorf("learn: %w", err)
	}
	c := detect.New(set, l.options)
	for m := range f.messages() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		c.Apply(&m.changes, m.storedAt)
	}
	if l.correlation, err = c.Save(); err != nil {
		return nil, fmt.Errorf("learn: %w", err)
	}
	for _, h := range f.hosts {
		one, err := h.save()
		if err != nil {
			return nil, fmt.Errorf("learn: %w", err)
		}
		l.hosts = append(l.hosts, one)
	}
	return l, nil
}

// options are those of a test: a host learns for a day less than there are.
func (t *Trial) options() detect.Options {
	inv := new(inventory.Inventory)
	for _, m := range t.machines {
		if m.listed {
			inv.Hosts = append(inv.Hosts, inventory.Host{Name: m.name, Addresses: []event.Address{m.address}, Roles: m.roles, Monitored: m.reports})
		}
	}
	return detect.Options{Inventory: inv, Baseline: baseline.Options{Learning: time.Duration(max(t.days-1, 0)) * 24 * time.Hour}}
}

func (h *watched) save() (l learnt, err error) {
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

func (h *watched) restore(l *learnt) (err error) {
	h.sequence = l.sequence
	if l.table != nil {
		var codec conntable.Codec
		h.table, err = codec.Restore(l.table)
	}
	return err
}

// Scene is a case that is ready to be played, with any rules, as often as one
// likes. It doesn't change.
type Scene struct {
	Case *Case

	lesson   *Lesson
	begun    []byte // the correlator's state
	messages []*message
}

// Scene prepares a case. What happens before anything in it does is played at
// once, with the rules that the lesson was learnt with.
func (l *Lesson) Scene(ctx context.Context, set *rule.Set, number int) (*Scene, error) {
	t, c := l.trial, l.trial.Cases[number]
	s := &Scene{Case: c, lesson: l, begun: l.correlation}
	st := &stretch{
		from: dayStart(t.days + 1), dense: c.dense, to: c.end.Add(1), listens: t.listens, begins: c.begins, silent: c.silent,
	}
	st.flows = append(st.flows, t.learnt...)
	for _, flows := range [][]flow{t.today, c.flows} {
		for i := range flows {
			if !flows[i].start.After(c.end) {
				st.flows = append(st.flows, flows[i])
			}
		}
	}
	f, err := t.newFleet(st)
	if err != nil {
		return nil, fmt.Errorf("case %s: %w", c.Name, err)
	}
	for i, h := range f.hosts {
		if err := h.restore(&l.hosts[i]); err != nil {
			return nil, fmt.Errorf("case %s: %w", c.Name, err)
		}
	}
	for m := range f.messages() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s.messages = append(s.messages, m)
	}
	return s, s.playLead(set)
}

// playLead plays what comes before anything happens. If it raises an alert it
// is left for Play.
func (s *Scene) playLead(set *rule.Set) error {
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

func (s *Scene) begin(set *rule.Set) (*detect.Correlation, error) {
	c := detect.New(set, s.lesson.options)
	if err := c.Restore(s.begun); err != nil {
		return nil, fmt.Errorf("case %s: %w", s.Case.Name, err)
	}
	return c, nil
}

// Outcome is what followed in a case.
type Outcome struct {
	Case     *Case
	Alerts   []*event.Alert
	Fed      []*event.Alert // what rules that raise none and only feed others would have raised
	Failures []error        // of rules that could not be evaluated
}

// Play plays a case with some rules.
func (s *Scene) Play(ctx context.Context, set *rule.Set) (*Outcome, error) {
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
