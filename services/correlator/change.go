package correlator

import (
	"fmt"
	"time"

	"headstart/bus"
	"headstart/detect/bundle"
	"headstart/event/wire"
)

// A set of rules becomes active between two batches. Before any output of the new
// set is published, a checkpoint records from which message on it is active. So a
// restarted process replays each message with the set that handled it before, and
// raises the same alerts. The batch in which the process was killed may have been
// published in part: it is replayed with the set of that time, too.
//
// Five positions in the stream CONNECTIONS matter, each at or after the one
// before when a process starts:
//   - checkpoint.position: the state that was saved last includes it. Replay
//     begins after it.
//   - appliedTo: the engine has applied it. Messages up to here are skipped.
//   - committed: the stage has acknowledged it. Replay ends with it.
//   - publishedTo: the last message with an output in ALERTS or INCIDENTS. Up to
//     here the set of the checkpoint stays active.
//   - first: the first message of the next batch, at which the newest set can
//     become active.

// savedRules is the active set in a checkpoint.
type savedRules struct {
	Since time.Time
	Book  []byte   // packed
	Cut   []string // rules that were cut off
}

func (s *ruleset) encode() ([]byte, error) {
	data, err := wire.Marshal(savedRules{Since: s.since, Book: s.packed, Cut: s.cut})
	if err != nil {
		return nil, fmt.Errorf("save the active rules: %w", err)
	}
	return data, nil
}

func (r *rules) decode(data []byte) (*ruleset, error) {
	var saved savedRules
	if err := wire.Unmarshal(data, &saved); err != nil {
		return nil, err
	}
	book, err := bundle.Unpack(saved.Book)
	if err != nil {
		return nil, err
	}
	set, err := newRuleset(book, r.internal, saved.Since)
	if err == nil && len(saved.Cut) > 0 {
		set = set.without(saved.Cut)
	}
	return set, err
}

// activateSaved activates the checkpoint's rule set until every message that the
// previous process had handled has been replayed.
func (c *correlator) activateSaved(data []byte) {
	set, err := c.rules.decode(data)
	if err != nil {
		// A newer version of this program may reject what an older one accepted.
		c.log.Error("rules of the checkpoint rejected: messages since are replayed with the current rules", "error", err)
		return
	}
	if c.rules.continueFrom(set) {
		set = c.rules.current()
	}
	c.use(set)
	c.setRecorded = true
}

// continueFrom takes over, from a saved set that is the same as the current one,
// since when it is active and which rules are disabled.
func (r *rules) continueFrom(saved *ruleset) bool {
	now := r.current()
	if !now.same(saved) || len(saved.cut) > 0 && r.budget == 0 {
		return false
	}
	same := *now
	same.since = saved.since
	if len(saved.cut) > 0 {
		same = *same.without(saved.cut)
	}
	r.set.Store(&same)
	r.metrics.activate(&same)
	return true
}

func (c *correlator) use(set *ruleset) {
	c.set = set
	c.engine.Use(set.Set)
}

// activateNewest activates the newest set, unless outputs of a message may have
// been published with the set before. It returns the checkpoint that records it.
func (c *correlator) activateNewest(first bus.Message) []bus.State {
	set := c.rules.current()
	if c.setRecorded && set == c.set || first.Stream.Equal(c.publishedTo.Stream) && first.Sequence <= c.publishedTo.Sequence {
		return nil
	}
	if set != c.set {
		c.use(set)
	}
	if c.appliedTo == (bus.Position{}) {
		c.appliedTo = bus.Position{Stream: first.Stream, Sequence: first.Sequence - 1}
	}
	c.setRecorded = true
	state, ok := c.checkpoint(first.StoredAt)
	if !ok {
		return nil
	}
	return []bus.State{state}
}
