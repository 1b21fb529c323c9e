package correlator

import (
	"context"
	"fmt"
	"time"

	"headstart/bus"
	"headstart/detect/bundle"
)

// Where pushed rules and the state of those in force are kept.
const (
	RulesBucket = "RULES"
	RulesKey    = "set"    // the packed books that were pushed
	StatusToken = "status" // of the notes of correlators, before their names
	BookToken   = "book"   // of the notes with the packed rules in force
)

// RefusedRules are rules that were not put in force.
type RefusedRules struct {
	At       time.Time `json:"at"`
	Source   string    `json:"source"`
	Revision uint64    `json:"revision,omitempty"`
	Author   string    `json:"author,omitempty"`
	Error    string    `json:"error"`
}

// attach reads what was pushed, if the options ask for it. Where the newest
// can't be used, the newest that can is put in force.
func (r *rules) attach(ctx context.Context, archive *bus.Revisions) error {
	if r.current() != nil {
		return nil
	}
	r.archive = archive
	versions, err := archive.List(ctx, RulesKey)
	if err != nil {
		return err
	}
	var problem error
	for n := len(versions) - 1; n >= 0; n-- {
		book, err := bundle.Unpack(versions[n].Value)
		if err == nil {
			r.pushed = book
			var set *ruleset
			if set, err = r.load(); err == nil {
				r.begin(set, problem)
				return nil
			}
		}
		if problem == nil {
			problem = fmt.Errorf("what was pushed last can't be used: %w", err)
		}
	}
	r.pushed = nil
	set, err := r.load()
	if err != nil {
		return r.unusable(err)
	}
	r.begin(set, problem)
	return nil
}

// begin puts the first set in force. problem is what is wrong with newer ones.
func (r *rules) begin(set *ruleset, problem error) {
	r.force(set)
	if problem != nil {
		r.refuse(problem)
	}
}

// take puts in force what was pushed.
func (r *rules) take(v bus.Revision) {
	book, err := bundle.Unpack(v.Value)
	if err != nil {
		r.refuse(fmt.Errorf("what was pushed can't be read: %w", err))
		return
	}
	if r.pushed != nil && book.Revision == r.pushed.Revision && r.refused.Load() == nil {
		return
	}
	r.pushed = book
	r.try()
}
