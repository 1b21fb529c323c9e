package recording

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Options configure a recording.
type Options struct {
	Created   time.Time     // now
	Hosts     []string      // recorded ones, for the manifest; empty for all
	FileBytes int64         // maximum length of a file; 64 MiB if zero
	FileTime  time.Duration // maximum time between the messages of a file; an hour if zero
}

// Writer appends to a recording. One goroutine uses it at a time.
type Writer struct {
	dir      string
	options  Options
	lock     *os.File
	manifest Manifest

	file   *os.File // nil between two files
	entry  File
	number int
	hash   hash.Hash
	frame  []byte
	broken error // why nothing more can be written

	stream   time.Time // of the last message, with its sequence
	sequence uint64
}

// Create begins a recording in a directory, or continues the one there. It first
// finishes the file of a killed recorder.
func Create(dir string, o Options) (*Writer, error) {
	if o.FileBytes <= 0 {
		o.FileBytes = 64 << 20
	}
	o.FileBytes = min(o.FileBytes, maxFileBytes-maxBody-frameHead)
	if o.FileTime <= 0 {
		o.FileTime = time.Hour
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	lock, err := lockDirectory(dir)
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	w := &Writer{dir: dir, options: o, lock: lock}
	if err := w.resume(); err != nil {
		lock.Close()
		return nil, fmt.Errorf("record into %s: %w", dir, err)
	}
	return w, nil
}

func lockDirectory(dir string) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		lock.Close()
		return nil, fmt.Errorf("%s is in use by another recorder", dir)
	}
	return lock, nil
}

// resume continues the recording in the directory.
func (w *Writer) resume() error {
	m, err := readManifest(w.dir)
	if err != nil {
		return err
	}
	if m == nil {
		m = &Manifest{Format: Format, Created: w.options.Created.UTC(), Hosts: w.options.Hosts}
	}
	if !slices.Equal(m.Hosts, w.options.Hosts) {
		return fmt.Errorf("the recording there is of other hosts (%q): choose another directory", m.Hosts)
	}
	w.manifest = *m
	if n := len(m.Files); n > 0 {
		content, err := readListed(w.dir, &m.Files[n-1])
		if err == nil {
			_, err = scan(content, w.note)
		}
		if err != nil {
			return err
		}
	}
	names, err := m.unlisted(w.dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := w.recover(name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	w.number = w.manifest.next()
	return w.manifest.write(w.dir)
}

// note remembers the last message.
func (w *Writer) note(m *Message) error {
	w.stream, w.sequence = m.Stream, m.Sequence
	return nil
}

// recover finishes an unfinished file. An incomplete message at its end is moved
// into a file beside it, with the suffix .cut.
func (w *Writer) recover(name string) error {
	path := filepath.Join(w.dir, name)
	content, err := readBounded(path)
	if err != nil {
		return err
	}
	f := File{Name: name, Recovered: true}
	whole, err := scan(content, func(m *Message) error {
		f.count(m)
		return w.note(m)
	})
	if err != nil && !errors.Is(err, errTorn) {
		return err
	}
	if whole < len(content) {
		if err := os.WriteFile(path+".cut", content[whole:], 0o600); err != nil {
			return err
		}
	}
	if f.Messages == 0 {
		return os.Remove(path)
	}
	if err := truncate(path, int64(whole)); err != nil {
		return err
	}
	sum := sha256.Sum256(content[:whole])
	f.Bytes, f.SHA256 = int64(whole), hex.EncodeToString(sum[:])
	w.manifest.Files = append(w.manifest.Files, f)
	return nil
}

func truncate(path string, bytes int64) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	err = file.Truncate(bytes)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

func (f *File) count(m *Message) {
	if f.Messages == 0 {
		f.First = m.StoredAt
	}
	f.Last = m.StoredAt
	f.Messages++
}

// Has reports whether a message of a stream, or a later one, is recorded: a stream
// is recorded in order.
func (w *Writer) Has(stream time.Time, sequence uint64) bool {
	return w.stream.Equal(stream) && !stream.IsZero() && sequence <= w.sequence
}

// Write appends a message. After an error nothing more can be written; earlier
// messages are safe.
func (w *Writer) Write(m *Message) error {
	if w.broken != nil {
		return w.broken
	}
	if err := w.write(m); err != nil {
		w.broken = fmt.Errorf("record into %s: %w", w.dir, err)
		return w.broken
	}
	return nil
}

func (w *Writer) write(m *Message) error {
	if err := m.check(); err != nil {
		return err
	}
	w.frame = appendFrame(w.frame[:0], m)
	if w.file != nil && (w.entry.Bytes+int64(len(w.frame)) > w.options.FileBytes || m.StoredAt.Sub(w.entry.First) >= w.options.FileTime) {
		if err := w.finish(); err != nil {
			return err
		}
	}
	if w.file == nil {
		if err := w.begin(); err != nil {
			return err
		}
	}
	if err := w.append(w.frame); err != nil {
		return err
	}
	w.entry.count(m)
	return w.note(m)
}

func (w *Writer) begin() error {
	if w.number > maxFiles {
		return fmt.Errorf("%d files: choose another directory", maxFiles)
	}
	name := nameOf(w.number)
	file, err := os.OpenFile(filepath.Join(w.dir, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	w.file, w.entry, w.hash = file, File{Name: name}, sha256.New()
	w.number++
	return w.append([]byte(magic))
}

func (w *Writer) append(b []byte) error {
	if _, err := w.file.Write(b); err != nil {
		return err
	}
	w.hash.Write(b)
	w.entry.Bytes += int64(len(b))
	return nil
}

// finish closes the file and lists it.
func (w *Writer) finish() error {
	err := errors.Join(w.file.Sync(), w.file.Close())
	w.file = nil
	if err != nil {
		return err
	}
	w.entry.SHA256 = hex.EncodeToString(w.hash.Sum(nil))
	w.manifest.Files = append(w.manifest.Files, w.entry)
	return w.manifest.write(w.dir)
}

// Close finishes the recording.
func (w *Writer) Close() error {
	var err error
	switch {
	case w.file == nil:
	case w.broken != nil:
		err = w.file.Close() // it stays unfinished
	default:
		err = w.finish()
	}
	w.file = nil
	if w.broken == nil {
		w.broken = errors.New("the recording is closed")
	}
	return errors.Join(err, w.lock.Close())
}
