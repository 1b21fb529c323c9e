// Package rulestore keeps the rules that were pushed to a running system: revisions
// of a rulebook, counted from 1, each with who pushed it and why.
//
// It guarantees that a revision is stored only by who knows the one before it,
// and that none changes. Correlators that run with --rules pushed put the newest
// in force.
package rulestore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"headstart/bus"
	"headstart/detect/bundle"
	"headstart/services/correlator"
)

// Store is the revisions of a system.
type Store struct {
	archive *bus.Revisions
}

// Open opens the store of a system. The error is [bus.ErrNoBucket] where no
// correlator has run yet.
func Open(ctx context.Context, b *bus.Bus) (*Store, error) {
	archive, err := b.FindRevisions(ctx, correlator.RulesBucket)
	if err != nil {
		return nil, err
	}
	return &Store{archive}, nil
}

// Revision is one, without its files.
type Revision struct {
	bundle.Origin

	// Change is what it has other than the one before. It is nil when that one
	// is no longer kept.
	Change *bundle.Change
}

// Newest returns the newest revision; nil when nothing was pushed yet.
func (s *Store) Newest(ctx context.Context) (*bundle.Book, error) {
	book, _, err := s.newest(ctx)
	return book, err
}

func (s *Store) newest(ctx context.Context) (*bundle.Book, uint64, error) {
	last, err := s.archive.Latest(ctx, correlator.RulesKey)
	if err != nil || last == nil {
		return nil, 0, err
	}
	book, err := bundle.Unpack(last.Value)
	if err != nil {
		return nil, 0, err
	}
	return book, last.Number, nil
}

// History returns the revisions that are kept, the oldest first.
func (s *Store) History(ctx context.Context) ([]Revision, error) {
	versions, err := s.archive.List(ctx, correlator.RulesKey)
	if err != nil {
		return nil, err
	}
	var all []Revision
	for _, v := range versions {
		origin, err := bundle.UnpackOrigin(v.Value)
		if err != nil {
			return nil, err
		}
		r := Revision{Origin: origin}
		if n := len(all); n > 0 {
			change := origin.Since(&all[n-1].Origin)
			r.Change = &change
		} else if origin.Revision == 1 {
			change := origin.Since(new(bundle.Origin))
			r.Change = &change
		}
		all = append(all, r)
	}
	return all, nil
}

// Book returns a revision with its files. The error is an [UnknownError] when it
// isn't kept.
func (s *Store) Book(ctx context.Context, revision uint64) (*bundle.Book, error) {
	versions, err := s.archive.List(ctx, correlator.RulesKey)
	if err != nil {
		return nil, err
	}
	unknown := &UnknownError{Revision: revision}
	for n := len(versions) - 1; n >= 0; n-- {
		origin, err := bundle.UnpackOrigin(versions[n].Value)
		if err != nil {
			return nil, err
		}
		if origin.Revision == revision {
			return bundle.Unpack(versions[n].Value)
		}
		unknown.Oldest, unknown.Newest = origin.Revision, max(unknown.Newest, origin.Revision)
	}
	return nil, unknown
}

// UnknownError says that a revision isn't kept.
type UnknownError struct{ Revision, Oldest, Newest uint64 }

func (e *UnknownError) Error() string {
	if e.Newest == 0 {
		return "no rules were pushed yet"
	}
	return fmt.Sprintf("there is no revision %d: %d to %d are kept", e.Revision, e.Oldest, e.Newest)
}

// OvertakenError says that the newest revision is another than expected.
type OvertakenError struct {
	Expected uint64
	Newest   bundle.Origin
}

func (e *OvertakenError) Error() string {
	if e.Newest.Revision == 0 {
		return fmt.Sprintf("there is no revision %d: nothing was pushed yet", e.Expected)
	}
	return fmt.Sprintf("the newest is revision %d, which %s pushed at %s (%s), not %d",
		e.Newest.Revision, e.Newest.Author, e.Newest.At.UTC().Format(time.RFC3339), e.Newest.Reason, e.Expected)
}

// Push says who pushes a book, and why.
type Push struct {
	Author, Reason string
	At             time.Time
	Restores       uint64 // of a rollback: the revision that it brings back

	// Expected is the revision that must be the newest; nil for whichever is.
	Expected *uint64
}

// Add stores a book, which [bundle.Book.Describe] has described, as the next
// revision, and notes that in it. The error is an [OvertakenError] when the
// newest isn't what was expected, or when somebody else was faster.
func (s *Store) Add(ctx context.Context, book *bundle.Book, p Push) error {
	for {
		before, version, err := s.newest(ctx)
		if err != nil {
			return err
		}
		var newest bundle.Origin
		if before != nil {
			newest = before.Origin
		}
		if p.Expected != nil && *p.Expected != newest.Revision {
			return &OvertakenError{Expected: *p.Expected, Newest: newest}
		}
		book.Source, book.Revision = correlator.PushedRules, newest.Revision+1
		book.Author, book.Reason, book.At, book.Restores = p.Author, p.Reason, p.At.UTC(), p.Restores
		packed, err := book.Pack()
		if err != nil {
			return err
		}
		if most := s.archive.MaxValue(); len(packed) > most {
			return fmt.Errorf("the rules have %d KiB when packed; the server takes %d KiB (its max_payload)", len(packed)>>10, most>>10)
		}
		_, err = s.archive.Add(ctx, correlator.RulesKey, packed, version)
		if !errors.Is(err, bus.ErrConflict) {
			return err
		}
	}
}

// Statuses returns what the correlators of the system say of their rules.
func (s *Store) Statuses(ctx context.Context) ([]*correlator.Status, error) {
	notes, err := s.archive.Announcements(ctx, correlator.StatusToken)
	if err != nil {
		return nil, err
	}
	var all []*correlator.Status
	for _, n := range notes {
		status, err := correlator.DecodeStatus(n.Value)
		if err != nil {
			return nil, err
		}
		all = append(all, status)
	}
	return all, nil
}

// InForce returns the rules that a correlator of the system has in force, with
// their files; nil when none says so.
func (s *Store) InForce(ctx context.Context) (*bundle.Book, error) {
	notes, err := s.archive.Announcements(ctx, correlator.BookToken)
	if err != nil || len(notes) == 0 {
		return nil, err
	}
	return bundle.Unpack(notes[len(notes)-1].Value)
}
