// Package recording keeps snapshot messages in a directory, byte for byte, as
// evidence and for headstart replay.
//
//	writer, err := recording.Create(dir, recording.Options{})
//	err = writer.Write(message)
//	err = writer.Close()
//
//	r, err := recording.Open(dir)
//	totals, err := r.Snapshots(ctx, func(s *event.Snapshot, lag time.Duration) error { … })
//
// A recording is manifest.json and the files that it lists, each with the times
// of its first and last message, their number, its length and its SHA-256. When a
// file is large or old enough, the next one begins, and a manifest that lists the
// finished one atomically replaces the manifest.
//
// It guarantees:
//   - Every message for which Write returned no error is recorded, byte for byte
//     and in order, wherever the process is killed. (A power failure can cost the
//     file being written.)
//   - An unfinished file is not listed. It is read as far as its messages are
//     whole, and reported as unfinished; Create finishes it.
//   - A listed file is read as it was written: its SHA-256 is checked before any
//     of its messages is used. A missing or changed file is an error that names
//     it.
//   - Two processes never write into one recording.
//
// The SHA-256 in the manifest protects against damage, and against changes by
// those who can't change the manifest. To hand a recording on as evidence, note
// the manifest's own SHA-256.
package recording

import (
	"fmt"
	"regexp"
	"time"

	"headstart/event"
)

// Message is a message of the stream SNAPSHOTS.
type Message struct {
	Subject  string
	Data     []byte    // an encoded snapshot, or a part of one; at most event.MaxMessage bytes
	Stream   time.Time // creation time of its stream
	Sequence uint64    // in the stream
	StoredAt time.Time // in the stream, by the server's clock
	SentAt   time.Time // by the sender's clock; zero if unknown
}

// Lag returns the time of storing the message minus the host's time of sending it,
// for conntable.Comparer.Apply. takenAt replaces an unknown time of sending.
func (m *Message) Lag(takenAt time.Time) time.Duration {
	if m.SentAt.IsZero() {
		return m.StoredAt.Sub(takenAt)
	}
	return m.StoredAt.Sub(m.SentAt)
}

// Format is the version of the layout that this package writes and reads.
const Format = 1

// Manifest is the content of manifest.json.
type Manifest struct {
	Format  int       `json:"format"`
	Created time.Time `json:"created"`
	Hosts   []string  `json:"hosts,omitempty"` // recorded ones; empty for all
	Files   []File    `json:"files"`           // finished ones, in the order of their messages
}

// File is a finished file.
type File struct {
	Name     string    `json:"name"`
	First    time.Time `json:"first"` // times at which the first and last message were stored
	Last     time.Time `json:"last"`
	Messages int       `json:"messages"`
	Bytes    int64     `json:"bytes"`
	SHA256   string    `json:"sha256"` // in hexadecimal

	// Recovered files were being written when the recorder was killed.
	Recovered bool `json:"recovered,omitempty"`
}

// Limits of a recording.
const (
	maxFileBytes = 256 << 20
	maxFiles     = 999_999
	maxManifest  = 256 << 20
)

const manifestName = "manifest.json"

var fileName = regexp.MustCompile(`^snapshots-([0-9]{6})\.hsr$`)

func nameOf(number int) string { return fmt.Sprintf("snapshots-%06d.hsr", number) }

// check rejects a message that a frame can't hold.
func (m *Message) check() error {
	switch {
	case len(m.Data) > event.MaxMessage:
		return fmt.Errorf("a message of %d bytes, more than %d", len(m.Data), event.MaxMessage)
	case len(m.Subject) > maxSubject:
		return fmt.Errorf("a subject of %d bytes, more than %d", len(m.Subject), maxSubject)
	}
	return nil
}
