// Package detect is the engine: it turns the changes of hosts' connections into
// alerts and incidents. It is a pure state machine that the correlator and the
// replay of a log share.
//
// It guarantees:
//   - The output of a message depends on the messages before it and on the rules
//     alone. After Restore(Save()) it continues exactly.
//   - All of it is in event time, on the stream's clock. Reports of several
//     hosts may arrive in any order within [baseline.Lateness]: which alerts are
//     raised doesn't depend on it. Nothing waits for other hosts: a rule
//     fires with the message that proves it.
//   - A rule fires once on a connection, a pattern once on what it joins and
//     day.
//   - A repeated message changes nothing.
//   - Every table has a cap and an expiry; see the packages that hold them.
//
// The parts: hosts (which host has which address), baseline (what is normal),
// firing and rule (which rules hold on one connection), pattern (what several
// connections show together), heartbeat and pairing (what is missing), incident
// (what belongs together).
package detect

import (
	"time"

	"headstart/detect/baseline"
	"headstart/detect/firing"
	"headstart/detect/heartbeat"
	"headstart/detect/hosts"
	"headstart/detect/incident"
	"headstart/detect/inventory"
	"headstart/detect/pairing"
	"headstart/detect/pattern"
	"headstart/detect/rule"
	"headstart/event"
)

// Options configure an engine.
type Options struct {
	MaxHosts  int // that are known at a time; 0: 200,000
	Inventory *inventory.Inventory
	Baseline  baseline.Options
	Incident  incident.Options

	// Clock only goes forward: by it a sample of the evaluations of rules is
	// measured. Nil measures nothing. What follows from messages never depends
	// on it.
	Clock func() time.Duration
}

// Engine is the state. One goroutine uses it at a time.
type Engine struct {
	options   Options
	set       *rule.Set
	rules     *firing.Rules
	evaluator *rule.Evaluator // of absent rules

	exceptions     map[*rule.Exception]string // as tallies know them
	absent         [2][]*rule.Rule            // by what they miss
	table          *hosts.Table
	baseline       *baseline.Baseline
	patterns       *pattern.Patterns
	heartbeats     *heartbeat.Monitor
	pairs          *pairing.Pairs
	incidents      *incident.Grouper
	hosts          map[string]*host
	firings        firings
	tallies        tallies
	fired          bool // something has been added to firings
	postponed      postponedQueue
	postponedCount uint64 // so far

	now      time.Time // the latest event time
	swept    time.Time
	counts   Counts
	out      Output
	observer func(*firing.Evaluation)
	edges    []baseline.Sighting // buffer of the steps
}

// host is what is remembered of one host.
type host struct {
	firing.Host
	last     event.Changes // without its connections
	seen     time.Time     // on the stream's clock
	polledAt time.Time     // when it was last asked to look more often

	// openEdges are the connections, open as far as is known, that are edges of a
	// path: it can be followed for as long as they are open.
	openEdges map[event.ConnectionID]bool
}

// Output is what follows from a message. It is valid until the next one.
type Output struct {
	Alerts    []*event.Alert
	Fed       []*event.Alert // of rules that raise none and only feed others
	Incidents []*event.Incident
	Controls  []Control
	Failures  []Failure
	Rejected  bool // there was no room for the host
}

// Control has a host poll more often for a while.
type Control struct {
	Host string
	event.Control
}

// Failure is a rule that could not be evaluated.
type Failure struct {
	Rule, Host string
	Err        error
}

// Counts is what has happened since the start of the process.
type Counts struct {
	Events     int
	Forgotten  int            // connections that no rule can fire on twice, but for which there was no room
	Suppressed map[string]int // by rule
	Fired      map[string]int // by rule, also of those that raise no alert

	FiringsForgotten int // that fired(…) can't see, for which there was no room
}

// New returns an engine without state, with an active set of rules.
func New(set *rule.Set, o Options) *Engine {
	if o.MaxHosts == 0 {
		o.MaxHosts = 200_000
	}
	c := &Engine{
		options: o, table: hosts.New(o.MaxHosts), baseline: baseline.New(o.Baseline),
		patterns: pattern.New(pattern.Limits{}), heartbeats: heartbeat.New(o.MaxHosts), pairs: pairing.New(pairing.Limits{Hosts: o.MaxHosts}),
		incidents: incident.New(o.Incident), hosts: map[string]*host{}, firings: firings{}, tallies: tallies{},
		counts: Counts{Suppressed: map[string]int{}, Fired: map[string]int{}},
		out:    Output{Alerts: []*event.Alert{}, Incidents: []*event.Incident{}, Controls: []Control{}, Failures: []Failure{}},
	}
	if o.Inventory != nil {
		c.table.AddInventory(o.Inventory)
		c.baseline.Approve(c.approved)
	}
	c.Use(set)
	return c
}

// Use activates a set of rules. The state of rules that did not change is kept.
func (c *Engine) Use(set *rule.Set) {
	c.set = set
	c.exceptions = exceptionKeys(set)
	c.rules = firing.NewRules(set)
	c.rules.Fired, c.rules.Observer = c.lastFired, c.observer
	c.evaluator = rule.NewEvaluator(set)
	if c.options.Clock != nil {
		c.rules.Evaluator().Measure(c.options.Clock)
	}
	c.absent = [2][]*rule.Rule{}
	var patterns []pattern.Rule
	for _, r := range set.Rules {
		switch {
		case !r.Enabled:
		case r.Absent != nil:
			c.absent[r.Absent.Of-1] = append(c.absent[r.Absent.Of-1], r)
		case r.IsPattern():
			patterns = append(patterns, pattern.Rule{ID: r.ID, Meaning: r.Meaning(), Count: r.Count, Sequence: r.Sequence, Path: r.Path})
		}
	}
	var silences []time.Duration
	for _, r := range c.absent[rule.MissingPoller-1] {
		silences = append(silences, r.Absent.For)
	}
	c.heartbeats.Watch(silences...)
	c.patterns.SetRules(patterns)
}

// approved returns what the inventory approves of an edge, and why.
func (c *Engine) approved(s baseline.Sighting) (why string, ok bool) {
	end := func(e *baseline.End) *inventory.End {
		return &inventory.End{Host: e.Host, Roles: e.Roles, Address: e.Address}
	}
	a := c.options.Inventory.Approves(end(&s.Originator), end(&s.Responder), s.Port, s.At)
	if a == nil {
		return "", false
	}
	return a.Reason + " (" + a.Owner + ")", true
}

// Sizes are the numbers of remembered things, and how many a cap has rejected
// or dropped since the state was new.
type Sizes struct {
	Hosts, Contested, Firings   int
	Edges, EdgesRejected        int
	Windows, WindowsDropped     int
	Pairs, PairsRejected        int
	HeartbeatsRejected          int
	Incidents, IncidentsDropped int
}

// Costs returns what evaluations of rules take, since their set is in force. It
// is valid until the next message. Rules that ask for what is absent are asked
// too rarely to be measured.
func (c *Engine) Costs() map[*rule.Rule]*rule.Cost { return c.rules.Evaluator().Costs() }

// Counts returns what has happened.
func (c *Engine) Counts() Counts { return c.counts }

// Sizes returns how much is remembered.
func (c *Engine) Sizes() Sizes {
	s := Sizes{Hosts: c.table.Len(), Contested: c.table.Contested(), Windows: c.patterns.Len(), Firings: c.firings.len()}
	s.Edges, s.EdgesRejected = c.baseline.Edges()
	s.WindowsDropped = c.patterns.Dropped().Total()
	s.Pairs, s.PairsRejected = c.pairs.Len()
	_, s.HeartbeatsRejected = c.heartbeats.Len()
	s.Incidents, s.IncidentsDropped = c.incidents.Active()
	return s
}
