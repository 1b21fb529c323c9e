package correlator

import (
	"context"
	"fmt"

	"headstart/bus"
	"headstart/detect/bundle"
	"headstart/rulestore"
)

// attach reads the pushed rules, if the options name them. It activates the
// newest usable revision.
func (r *rules) attach(ctx context.Context, store *rulestore.Store) error {
	if r.current() != nil {
		return nil
	}
	r.store = store
	versions, err := store.Packed(ctx)
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

// begin activates the first set. problem is the error of newer revisions, if any.
func (r *rules) begin(set *ruleset, problem error) {
	r.activate(set)
	if problem != nil {
		r.reject(problem)
	}
}

// take activates a pushed revision.
func (r *rules) take(v bus.Revision) {
	book, err := bundle.Unpack(v.Value)
	if err != nil {
		r.reject(fmt.Errorf("what was pushed can't be read: %w", err))
		return
	}
	if r.pushed != nil && book.Revision == r.pushed.Revision && r.rejected.Load() == nil {
		return
	}
	r.pushed = book
	r.try()
}
