// Package recording keeps snapshot messages in a directory, as they came, for
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
// of its first and last message, their number, its length and its SHA-256. A
// file is begun when the last one is large or old enough; the manifest is then
// replaced at once by one that lists the last one.
//
// It guarantees:
//   - What is recorded is every message that Write was given and returned no
//     error for, byte for byte, in that order, wherever the process is killed.
//     (What a power failure can cost is the file that was being written.)
//   - A file that was not finished is not listed. It is read as far as its
//     messages are whole, and said to be unfinished; Create finishes it.
//   - What is read of a listed file is what was written: its SHA-256 is checked
//     before anything of it is handed out. A missing or changed file is an error
//     that names it.
//   - Two processes don't write into one recording.
//
// The SHA-256 in the manifest protects against damage, and against who can
// change a file but not the manifest. Who hands a recording on as evidence
// writes down the manifest's own SHA-256.
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
	Stream   time.Time // when the stream was created that held it
	Sequence uint64    // its place there
	StoredAt time.Time // there, by the server's clock
	SentAt   time.Time // by the sender's clock; zero if it didn't say
}

// Lag is the time of storing the message minus the host's time of sending it,
// as table.Comparer.Apply asks for it. takenAt stands in for a time of sending
// that the message doesn't have.
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
	Hosts   []string  `json:"hosts,omitempty"` // that were recorded; all if there is none
	Files   []File    `json:"files"`           // finished ones, in the order of their messages
}

// File is a finished file.
type File struct {
	Name     string    `json:"name"`
	First    time.Time `json:"first"` // when its first and its last message was stored in the stream
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

// check refuses what a frame can't hold.
func (m *Message) check() error {
	switch {
	case len(m.Data) > event.MaxMessage:
		return fmt.Errorf("a message of %d bytes, more than %d", len(m.Data), event.MaxMessage)
	case len(m.Subject) > maxSubject:
		return fmt.Errorf("a subject of %d bytes, more than %d", len(m.Subject), maxSubject)
	}
	return nil
}
