// Package firing decides when rules fire on a host's connections. It remembers
// what that takes: which rules have fired on which connection, and which are
// pending until it is older. It is a pure state machine: changes and rules
// in, alerts out; the same changes and rules give the same alerts.
//
// It guarantees:
//   - A rule, or each part of one that has several, fires once on a
//     connection, however many changes the connection has, an attempt that
//     becomes a connection included. Of a pattern, that is a match.
//   - A pending rule fires with the first message whose time proves, by the
//     lower bound of the connection's age, that the duration was reached: while
//     it is open, or with its end when that comes between two snapshots.
//   - A repeated message changes nothing.
//   - A wall clock that is set changes no age: what is remembered moves with
//     it. Only a step between two snapshots between which the poller or this
//     program was restarted goes unnoticed.
//   - What it remembers is forgotten with the end of the connection, and what
//     has no announced end by other means: an attempt after [attemptAge] or
//     with the next boot, everything when the tracker knows nothing of the
//     host. There is a cap, and what it forgets for that is counted.
package firing

import (
	"fmt"
	"slices"
	"time"

	"headstart/detect/rule"
	"headstart/event"
)

// MaxEntries is how many connections of a host are remembered: those on which
// a rule has fired or waits.
const MaxEntries = 10_000

// attemptAge is for how long an attempt is remembered. Linux gives up after
// about two minutes (tcp_syn_retries in ip-sysctl).
const attemptAge = 10 * time.Minute

// clockStep is by how much a wall clock moves against the time since boot
// before that is a step.
const clockStep = 500 * time.Millisecond

// Host is what is remembered of one host. The zero Host knows nothing yet.
type Host struct {
	last    event.SnapshotID // of the last message that was watched
	part    uint16
	at      time.Time // of the last message, on the clock of the entries' times
	entries map[event.ConnectionID]*tracked

	// due is not later than the first moment at which a rule that waits can
	// fire or an attempt is forgotten; zero when nothing is.
	due   time.Time
	rules string // hash of the set that due was computed with
}

// tracked is one remembered connection.
type tracked struct {
	connection event.Connection
	fired      []string // parts of rules, by name
	pending    []string
}

// Outcome is a rule, or a part of one, that fired, was suppressed, or failed.
type Outcome struct {
	Rule       *rule.Rule
	Part       int
	Change     int // place of the connection in the message; -1: it is a remembered one
	Connection event.Connection
	Suppressed *rule.Exception
	Err        error

	// What a pattern knows the match by, as in [rule.Result].
	By, Of        string
	Sum, Baseline float64
}

// Rules evaluates one set of rules. One goroutine uses it at a time.
type Rules struct {
	// Baseline returns what is normal for a connection of the host; nil: nothing is
	// known. See [rule.Observation].
	Baseline func(*event.Connection) rule.Baseline

	// Fired returns when a rule last fired about a host; nil: none has.
	Fired func(rule, host string) (time.Time, bool)

	// Observer is called before rules are evaluated; nil: no calls.
	Observer func(*Evaluation)

	// Change is the place in the message of the connection under evaluation; -1: it
	// is a remembered one.
	Change int

	set       *rule.Set
	parts     map[string]part         // by name
	names     map[*rule.Rule][]string // of their parts
	evaluator *rule.Evaluator
	outcomes  []Outcome
	forgotten int
}

// part is a part of a rule. Its name is what is remembered: the rule's id, and
// where the rule has several parts the number, from 0: "ssh-then-database#1".
type part struct {
	rule   *rule.Rule
	number int
}

// NewRules returns the evaluation of a set of rules.
func NewRules(set *rule.Set) *Rules {
	w := &Rules{
		set: set, evaluator: rule.NewEvaluator(set),
		parts: make(map[string]part, len(set.Rules)), names: make(map[*rule.Rule][]string, len(set.Rules)),
	}
	for _, r := range set.Rules {
		for number := range r.Parts() {
			name := r.ID
			if r.Parts() > 1 {
				name = fmt.Sprintf("%s#%d", r.ID, number)
			}
			w.parts[name] = part{r, number}
			w.names[r] = append(w.names[r], name)
		}
	}
	return w
}

// Evaluator returns the evaluator of the rules.
func (w *Rules) Evaluator() *rule.Evaluator { return w.evaluator }

// Peers finds the host that has an address; nil when none is known.
type Peers func(event.Address) *rule.Host

// Evaluate evaluates the rules on a message. It returns the outcomes, valid until
// the next call; whether the host's state has changed; and how many connections
// could not be remembered for the cap.
func (w *Rules) Evaluate(h *Host, c *event.Changes, self *rule.Host, peers Peers) (findings []Outcome, changed bool, forgotten int) {
	if h.Repeated(c) {
		return nil, false, 0
	}
	w.outcomes, w.forgotten = w.outcomes[:0], 0
	t := pass{Rules: w, host: h, changes: c, self: self, peers: peers}
	t.begin()
	for i := range c.Connections {
		t.Change = i
		t.change(&c.Connections[i])
	}
	if c.Part == c.Parts {
		t.advance()
	}
	h.last, h.part, h.at = c.SnapshotID(), c.Part, c.ObservedAt
	return w.outcomes, t.changed, w.forgotten
}

// Reevaluate evaluates the pending rules once more, on the last message: another
// rule has fired that they query. Its outcomes are valid until the next call.
func (w *Rules) Reevaluate(h *Host, c *event.Changes, self *rule.Host, peers Peers) []Outcome {
	w.outcomes = w.outcomes[:0]
	t := pass{Rules: w, host: h, changes: c, self: self, peers: peers}
	h.rules = ""
	t.advance()
	return w.outcomes
}

// Repeated reports whether a message was evaluated before: the stream may hold
// one twice after a failure that outlasted the server's duplicate window.
func (h *Host) Repeated(c *event.Changes) bool {
	last := h.last
	return last.BootID == c.BootID && last.Run == c.Run &&
		(c.Sequence < last.Sequence || c.Sequence == last.Sequence && c.Part <= h.part)
}

// pass is the evaluation of one message.
type pass struct {
	*Rules
	host     *Host
	changes  *event.Changes
	self     *rule.Host
	peers    Peers
	changed  bool
	rejected *event.Connection // the last for which there was no room
}

func (t *pass) observe(c *event.Connection, at time.Time) rule.Observation {
	return rule.Observation{Connection: c, At: at, Host: t.self, Peer: t.peers(c.Remote), Baseline: t.Baseline, Fired: t.Fired}
}

// begin brings what is remembered up to what a message says of the host as a
// whole.
func (t *pass) begin() {
	c, last := t.changes, t.host.last
	switch {
	case c.Part > 1:
	case c.PreviousAt.IsZero():
		// The tracker knows nothing of the host: it will announce the end of
		// nothing that is remembered.
		t.forget(func(*tracked) bool { return true })
	case c.BootID != last.BootID:
		t.forget(func(e *tracked) bool { return e.connection.Kind == event.Attempted })
	case c.Run == last.Run && c.Sequence-c.Missed == last.Sequence+1:
		// PreviousAt is when the last message was, on the clock of this one.
		if step := c.PreviousAt.Sub(t.host.at); step.Abs() >= clockStep {
			t.shift(step)
		}
	}
}

func (t *pass) forget(which func(*tracked) bool) {
	for id, e := range t.host.entries {
		if which(e) {
			delete(t.host.entries, id)
			t.changed = true
		}
	}
}

// shift moves the times of what is remembered to a clock that was set.
func (t *pass) shift(step time.Duration) {
	for _, e := range t.host.entries {
		c := &e.connection
		for _, at := range []*time.Time{&c.OpenedAfter, &c.OpenedBefore, &c.SeenUntil, &c.ClosedAfter, &c.ClosedBefore} {
			if !at.IsZero() {
				*at = at.Add(step)
			}
		}
		t.changed = true
	}
	t.host.rules = "" // due is on the old clock
}

// change evaluates the rules on one change of a connection.
func (t *pass) change(c *event.Connection) {
	e := t.host.entries[c.ID]
	ended := c.Kind == event.Closed || c.Kind == event.StoppedListening
	if e != nil && ended {
		t.evaluateEnded(e, c)
	}
	for _, r := range t.evaluator.Evaluate(t.observation(OnChange, part{}, c, t.changes.ObservedAt)) {
		name := t.names[r.Rule][r.Part]
		switch {
		case e != nil && slices.Contains(e.fired, name):
		case r.Wait > 0:
			e = t.remember(e, c)
			if e != nil && !slices.Contains(e.pending, name) {
				e.pending = append(e.pending, name)
				t.dueAt(t.changes.ObservedAt.Add(r.Wait))
			}
		default:
			t.add(r, c)
			if r.Err == nil && r.Muted == nil && !ended {
				if e = t.remember(e, c); e != nil {
					e.fired = append(e.fired, name)
				}
			}
		}
	}
	switch {
	case e == nil:
	case ended:
		delete(t.host.entries, c.ID)
		t.changed = true
	case e.connection.Kind != c.Kind:
		e.connection = *c
		t.changed = true
	}
}

// evaluateEnded evaluates the pending rules of a connection that has ended: it may
// have lasted long enough since the message before.
func (t *pass) evaluateEnded(e *tracked, c *event.Connection) {
	if c.Kind != event.Closed || e.connection.Kind != event.Opened {
		return
	}
	for _, name := range e.pending {
		p, ok := t.parts[name]
		if !ok || slices.Contains(e.fired, name) {
			continue
		}
		change := t.Change
		t.Change = -1
		result, holds := t.evaluator.EvaluateRule(p.rule, p.number, t.observation(OnEnd, p, &e.connection, c.ClosedAfter))
		if t.Change = change; holds && result.Wait == 0 {
			t.add(result, c)
			e.fired = append(e.fired, name)
		}
	}
	e.pending = nil
}

func (t *pass) add(r rule.Result, c *event.Connection) {
	t.outcomes = append(t.outcomes, Outcome{
		Rule: r.Rule, Part: r.Part, Change: t.Change, Connection: *c, Suppressed: r.Muted, Err: r.Err,
		By: r.By, Of: r.Of, Sum: r.Sum, Baseline: r.Usual,
	})
}

// remember returns the connection's entry; nil when there is no room.
func (t *pass) remember(e *tracked, c *event.Connection) *tracked {
	if e == nil && len(t.host.entries) >= MaxEntries {
		if t.rejected != c {
			t.rejected = c
			t.forgotten++
		}
		return nil
	}
	t.changed = true
	if e != nil {
		return e
	}
	if t.host.entries == nil {
		t.host.entries = map[event.ConnectionID]*tracked{}
	}
	e = &tracked{connection: *c}
	t.host.entries[c.ID] = e
	if c.Kind == event.Attempted {
		t.dueAt(c.OpenedBefore.Add(attemptAge))
	}
	return e
}

func (t *pass) dueAt(at time.Time) {
	if t.host.due.IsZero() || at.Before(t.host.due) {
		t.host.due = at
	}
}

// advance evaluates the pending rules at the message's time.
func (t *pass) advance() {
	now := t.changes.ObservedAt
	if t.host.rules == t.set.Hash && (t.host.due.IsZero() || now.Before(t.host.due)) {
		return
	}
	t.host.rules, t.host.due = t.set.Hash, time.Time{}
	t.Change = -1
	for _, id := range t.host.ordered() {
		e := t.host.entries[id]
		e.pending = slices.DeleteFunc(e.pending, func(name string) bool { return t.resolved(e, name, now) })
		if e.connection.Kind == event.Attempted {
			end := e.connection.OpenedBefore.Add(attemptAge)
			if !now.Before(end) {
				delete(t.host.entries, id)
				t.changed = true
				continue
			}
			t.dueAt(end)
		}
		if len(e.pending) == 0 && len(e.fired) == 0 {
			delete(t.host.entries, id)
			t.changed = true
		}
	}
}

// resolved reports whether a part of a rule is no longer pending.
func (t *pass) resolved(e *tracked, name string, now time.Time) bool {
	p, ok := t.parts[name]
	if !ok || slices.Contains(e.fired, name) {
		t.changed = true
		return true
	}
	result, holds := t.evaluator.EvaluateRule(p.rule, p.number, t.observation(Pending, p, &e.connection, now))
	if holds && result.Wait > 0 {
		t.dueAt(now.Add(result.Wait))
		return false
	}
	t.changed = true
	if holds {
		t.add(result, &e.connection)
		if result.Fires() {
			e.fired = append(e.fired, name)
		}
	}
	return true
}

// ordered returns the entries' ids in an order that doesn't change, so that
// alerts don't either.
func (h *Host) ordered() []event.ConnectionID {
	ids := make([]event.ConnectionID, 0, len(h.entries))
	for id := range h.entries {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b event.ConnectionID) int { return slices.Compare(a[:], b[:]) })
	return ids
}
