// Package rulestore keeps pushed rules and the status of correlators in the KV
// bucket RULES. A revision is a bundle of rules, counted from 1, with its author
// and reason. A status is what a correlator reports about its active rules.
//
// It guarantees that a revision follows the one that its author expects, and
// that no revision changes.
package rulestore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"headstart/bus"
	"headstart/detect/bundle"
)

const (
	bucket      = "RULES"
	pushedKey   = "set"    // packed bundles
	statusToken = "status" // before the names of correlators
	bookToken   = "book"   // before the names of correlators
)

// Store is the bucket of a system.
type Store struct {
	revisions *bus.Revisions
}

// Open opens the store of a running system. The error is [bus.ErrNoBucket] if no
// correlator has created it.
func Open(ctx context.Context, b *bus.Bus) (*Store, error) {
	revisions, err := b.FindRevisions(ctx, bucket)
	if err != nil {
		return nil, err
	}
	return &Store{revisions}, nil
}

// Create opens the store, and creates it if it is missing.
func Create(ctx context.Context, b *bus.Bus, storage bus.Storage) (*Store, error) {
	revisions, err := b.OpenRevisions(ctx, bucket, storage)
	if err != nil {
		return nil, err
	}
	return &Store{revisions}, nil
}

// Packed returns the kept revisions as packed bundles, the oldest first. Some may
// be unreadable.
func (s *Store) Packed(ctx context.Context) ([]bus.Revision, error) {
	return s.revisions.List(ctx, pushedKey)
}

// Follow calls do with each new revision, as a packed bundle, until the context
// ends.
func (s *Store) Follow(ctx context.Context, do func(bus.Revision)) {
	s.revisions.Follow(ctx, pushedKey, do)
}

// Revision is a revision without its files.
type Revision struct {
	bundle.Origin

	// Change is the difference to the revision before. It is nil if that one is no
	// longer kept.
	Change *bundle.Change
}

// Newest returns the newest revision; nil if there is none.
func (s *Store) Newest(ctx context.Context) (*bundle.Book, error) {
	book, _, err := s.newest(ctx)
	return book, err
}

func (s *Store) newest(ctx context.Context) (*bundle.Book, uint64, error) {
	last, err := s.revisions.Latest(ctx, pushedKey)
	if err != nil || last == nil {
		return nil, 0, err
	}
	book, err := bundle.Unpack(last.Value)
	if err != nil {
		return nil, 0, err
	}
	return book, last.Number, nil
}

// History returns the kept revisions, the oldest first.
func (s *Store) History(ctx context.Context) ([]Revision, error) {
	versions, err := s.revisions.List(ctx, pushedKey)
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

// Book returns a revision with its files. The error is an [UnknownError] if it is
// not kept.
func (s *Store) Book(ctx context.Context, revision uint64) (*bundle.Book, error) {
	versions, err := s.revisions.List(ctx, pushedKey)
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

// UnknownError reports that a revision is not kept.
type UnknownError struct{ Revision, Oldest, Newest uint64 }

func (e *UnknownError) Error() string {
	if e.Newest == 0 {
		return "no rules have been pushed yet"
	}
	return fmt.Sprintf("revision %d is unknown: the store keeps %d to %d", e.Revision, e.Oldest, e.Newest)
}

// OvertakenError reports that the newest revision is not the expected one.
type OvertakenError struct {
	Expected uint64
	Newest   bundle.Origin
}

func (e *OvertakenError) Error() string {
	if e.Newest.Revision == 0 {
		return fmt.Sprintf("revision %d is unknown: no rules have been pushed yet", e.Expected)
	}
	return fmt.Sprintf("the newest revision is %d, pushed by %s at %s (%s), not %d",
		e.Newest.Revision, e.Newest.Author, e.Newest.At.UTC().Format(time.RFC3339), e.Newest.Reason, e.Expected)
}

// Push describes the push of a bundle.
type Push struct {
	Author, Reason string
	At             time.Time
	Restores       uint64 // of a rollback: the restored revision

	// Expected is the revision that must be the newest; nil for any.
	Expected *uint64
}

// Add stores a bundle, which [bundle.Book.Describe] has described, as the next
// revision, and sets its number, author, reason and time. The error is an
// [OvertakenError] if the newest revision is not the expected one.
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
		book.Source, book.Revision = PushedRules, newest.Revision+1
		book.Author, book.Reason, book.At, book.Restores = p.Author, p.Reason, p.At.UTC(), p.Restores
		packed, err := book.Pack()
		if err != nil {
			return err
		}
		if most := s.revisions.MaxValue(); len(packed) > most {
			return fmt.Errorf("the rules are too large: %d KiB packed, the max_payload of the server is %d KiB", len(packed)>>10, most>>10)
		}
		_, err = s.revisions.Add(ctx, pushedKey, packed, version)
		if !errors.Is(err, bus.ErrConflict) {
			return err
		}
	}
}
