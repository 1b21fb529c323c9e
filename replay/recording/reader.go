package recording

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"headstart/conntable/parts"
	"headstart/event"
)

// Recording is a recording to read.
type Recording struct {
	Manifest Manifest

	// Unfinished files are being written, or were when the recorder was killed.
	// They are read as far as they are whole.
	Unfinished []string

	dir string
}

// Open opens the recording in a directory.
func Open(dir string) (*Recording, error) {
	m, err := readManifest(dir)
	if err == nil && m == nil {
		err = fmt.Errorf("%s: no %s here, so no recording", dir, manifestName)
	}
	if err != nil {
		return nil, err
	}
	r := &Recording{Manifest: *m, dir: dir}
	r.Unfinished, err = m.unlisted(dir)
	return r, err
}

// Messages calls do with all messages in the order in which they were recorded.
// A message is valid until the next one. An error of do is returned as it is.
func (r *Recording) Messages(ctx context.Context, do func(*Message) error) error {
	n := 0
	each := func(m *Message) error {
		n++
		if err := ctx.Err(); err != nil {
			return err
		}
		return do(m)
	}
	for i := range r.Manifest.Files {
		f := &r.Manifest.Files[i]
		content, err := readListed(r.dir, f)
		if err != nil {
			return err
		}
		n = 0
		switch _, err := scan(content, each); {
		case errors.Is(err, errTorn), errors.Is(err, errForeign):
			return fmt.Errorf("%s: %w", filepath.Join(r.dir, f.Name), err)
		case err != nil:
			return err
		case n != f.Messages:
			return fmt.Errorf("%s: %d messages, want %d as in the manifest", filepath.Join(r.dir, f.Name), n, f.Messages)
		}
	}
	for _, name := range r.Unfinished {
		content, err := readBounded(filepath.Join(r.dir, name))
		if err != nil {
			return err
		}
		switch _, err := scan(content, each); {
		case errors.Is(err, errForeign):
			return fmt.Errorf("%s: %w", filepath.Join(r.dir, name), err)
		case err != nil && !errors.Is(err, errTorn):
			return err
		}
	}
	return nil
}

// readListed reads a file of the manifest, and checks its SHA-256.
func readListed(dir string, f *File) ([]byte, error) {
	path := filepath.Join(dir, f.Name)
	content, err := readBounded(path)
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != f.SHA256 {
		return nil, fmt.Errorf("%s was changed: %d bytes with SHA-256 %x, want %d with %s as in the manifest",
			path, len(content), sum, f.Bytes, f.SHA256)
	}
	return content, nil
}

func readBounded(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFileBytes {
		return nil, fmt.Errorf("%s: %d bytes, more than %d", path, info.Size(), maxFileBytes)
	}
	return os.ReadFile(path)
}

// Totals count what was read.
type Totals struct {
	Messages   int
	Snapshots  int
	Incomplete int // snapshots without all parts
	Bad        int // invalid messages, which the tracker would dead-letter

	// Errors are the errors of the first bad ones.
	Errors []error
}

const maxErrors = 5

// Snapshots calls do with every whole snapshot in recorded order, parts joined, and
// its lag, for conntable.Comparer.Apply. A snapshot is valid until the next one,
// its addresses and roles included. An error of do is returned unchanged.
func (r *Recording) Snapshots(ctx context.Context, do func(s *event.Snapshot, lag time.Duration) error) (Totals, error) {
	j := &joiner{pending: map[string]*parts.Pending{}}
	err := r.Messages(ctx, func(m *Message) error {
		j.totals.Messages++
		whole, err := j.take(m)
		if err != nil {
			j.bad(m, err)
			return nil
		}
		if !whole {
			return nil
		}
		j.totals.Snapshots++
		return do(&j.snapshot, m.Lag(j.snapshot.TakenAt))
	})
	for _, p := range j.pending {
		j.totals.Incomplete += p.Drop()
	}
	return j.totals, err
}

// joiner joins parts.
type joiner struct {
	totals   Totals
	decoder  event.SnapshotDecoder
	snapshot event.Snapshot
	pending  map[string]*parts.Pending // by subject; as many as there are hosts that sent parts
}

// maxPending bounds the hosts with incomplete snapshots.
const maxPending = 10_000

// take reads a message. It reports whether it completes a snapshot.
func (j *joiner) take(m *Message) (whole bool, err error) {
	s := &j.snapshot
	if err := j.decoder.Decode(m.Data, s); err != nil {
		return false, err
	}
	if want := event.SnapshotSubject(s.Host); m.Subject != want {
		return false, fmt.Errorf("host %q on subject %.300s, want %s", s.Host, m.Subject, want)
	}
	p := j.pending[m.Subject]
	if s.Parts <= 1 {
		if p != nil {
			j.totals.Incomplete += p.Drop()
			delete(j.pending, m.Subject)
		}
		return true, nil
	}
	if p == nil {
		if len(j.pending) == maxPending {
			return false, fmt.Errorf("parts of more than %d hosts", maxPending)
		}
		p = new(parts.Pending)
		j.pending[m.Subject] = p
	}
	messages, dropped := p.Add(s.ID(), s, append([]byte(nil), m.Data...))
	j.totals.Incomplete += dropped
	if messages == nil {
		return false, nil
	}
	delete(j.pending, m.Subject)
	return true, parts.Join(&j.decoder, messages, s)
}

func (j *joiner) bad(m *Message, err error) {
	j.totals.Bad++
	if len(j.totals.Errors) < maxErrors {
		j.totals.Errors = append(j.totals.Errors, fmt.Errorf("message %d of %s: %w", m.Sequence, m.StoredAt.Format(time.RFC3339), err))
	}
}
