package correlator

import (
	"fmt"
	"time"

	"headstart/bus"
	"headstart/detect/bundle"
	"headstart/event/wire"
)

// A set of rules is put in force between two batches. Before anything that
// follows from the new set is published, a checkpoint says from which message on
// it is in force. So a life that begins again works through the messages with
// the sets with which they were worked through before, and comes to the same
// alerts. The batch in which a life was killed may have been published in part:
// it is worked through with the set of that time too.

// savedRules is a set in force as a checkpoint keeps it.
type savedRules struct {
	Since time.Time
	Book  []byte   // packed
	Cut   []string // rules that were cut off
}

func (s *ruleset) encode() ([]byte, error) {
	data, err := wire.Marshal(savedRules{Since: s.since, Book: s.packed, Cut: s.cut})
	if err != nil {
		return nil, fmt.Errorf("save the rules in force: %w", err)
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

// useSaved puts the rules of a checkpoint in force until the messages are done
// with that the last life had got to.
func (c *correlator) useSaved(data []byte) {
	set, err := c.rules.decode(data)
	if err != nil {
		// A newer version of this program may refuse what one before took.
		c.log.Error("the rules of the checkpoint can't be used: what came since is worked through with those of now", "error", err)
		return
	}
	if c.rules.goOn(set) {
		set = c.rules.current()
	}
	c.use(set)
	c.recorded = true
}

// goOn takes over, from a set that was saved, since when it is in force and what
// was cut off, if it is the same.
func (r *rules) goOn(saved *ruleset) bool {
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
	r.metrics.force(&same)
	return true
}

func (c *correlator) use(set *ruleset) {
	c.set = set
	c.correlation.Use(set.Set)
}

// adopt puts the newest set in force, unless what follows from a message may
// have been published with the set before. It returns the checkpoint that says
// so.
func (c *correlator) adopt(first bus.Message) []bus.State {
	set := c.rules.current()
	if c.recorded && set == c.set || first.Stream.Equal(c.published.Stream) && first.Sequence <= c.published.Sequence {
		return nil
	}
	if set != c.set {
		c.use(set)
	}
	if c.at == (bus.Position{}) {
		c.at = bus.Position{Stream: first.Stream, Sequence: first.Sequence - 1}
	}
	c.recorded = true
	state, ok := c.checkpoint(first.StoredAt)
	if !ok {
		return nil
	}
	return []bus.State{state}
}
