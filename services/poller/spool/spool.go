// Package spool keeps what a poller could not send yet: a first-in, first-out
// queue of messages that is bounded in bytes, in memory or in a directory.
//
// It guarantees:
//   - Messages come out in the order they went in, across restarts too.
//   - It never takes more than its limit. The oldest messages make room for
//     new ones; they are counted.
//   - In a directory, a message that [Spool.Push] took without an error
//     survives the end of the process and of the machine, unless an earlier
//     error said that the disk fails: from then until it works again messages
//     are kept in memory, in the same order and under the same limit, and
//     written as soon as it does.
//   - A file that is damaged or not the spool's own is left alone and counted.
//
// A message can come out again after a restart: the one that was sent last
// when the process ended, or one whose file could not be removed. Its id stays
// the same, by which a stream stores it once.
//
// A Spool is for one goroutine. A directory is for one Spool, which it locks
// against others.
package spool

import (
	"errors"
	"fmt"
)

// DefaultLimit is the limit where [Options] give none.
const DefaultLimit = 64 << 20

var (
	// ErrMemoryOnly is a message of a spool in a directory that could not be
	// written there. It is in the queue all the same.
	ErrMemoryOnly = errors.New("message is kept in memory only")

	// ErrTooLarge is a message that takes more than the limit by itself. It is
	// not in the queue, but among those dropped.
	ErrTooLarge = errors.New("message is larger than the spool")

	// ErrEmpty is a queue without messages.
	ErrEmpty = errors.New("spool is empty")
)

// Message is what waits to be sent.
type Message struct {
	ID      string
	Payload []byte
}

// Options say where messages are kept and how many.
type Options struct {
	// Dir is a directory of the spool's own; it is made where it is missing.
	// Empty is memory.
	Dir string

	// Limit bounds what all messages take, in bytes: in a directory the files,
	// in whole blocks of 4 KiB. Zero is DefaultLimit.
	Limit int64
}

// Stats are numbers for a person or a metric.
type Stats struct {
	Messages   int   // in the queue
	Bytes      int64 // that they take of the limit
	MemoryOnly int   // messages that should be in the directory but are not

	DroppedMessages uint64 // to make room, since Open
	DroppedBytes    uint64 // that they took
	DamagedFiles    uint64 // of messages, found since Open
	ForeignFiles    int    // in the directory at Open
}

// Spool is a queue of messages.
type Spool struct {
	limit int64
	dir   *directory // nil: memory
	queue []entry    // from the oldest on
	next  uint64     // sequence number of the next message

	head        Message
	headAt      uint64   // sequence number of head, 0: none
	removable   []uint64 // files of messages that have left the queue
	diskFailing bool

	stats Stats
}

type entry struct {
	sequence uint64
	size     int64
	message  *Message // nil: in its file only
	filed    bool     // it has a file
}

// Open returns the spool with what is in its directory. It fails where the
// directory can't be made, read or written to, or is used by another spool.
func Open(o Options) (*Spool, error) {
	s := &Spool{limit: o.Limit, next: 1}
	switch {
	case o.Limit < 0:
		return nil, fmt.Errorf("open spool: limit of %d bytes: want more than 0", o.Limit)
	case o.Limit == 0:
		s.limit = DefaultLimit
	}
	if o.Dir == "" {
		return s, nil
	}
	dir, err := openDirectory(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	s.dir = dir
	if err := s.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("open spool: %w", err), dir.close())
	}
	return s, nil
}

// Close gives the directory free for another spool. It tries once more to
// write what is only in memory; the error says how many messages are lost.
func (s *Spool) Close() error {
	if s.dir == nil {
		return nil
	}
	err := s.writeBack()
	if err != nil {
		err = fmt.Errorf("close spool: %d messages are lost: %w", s.stats.MemoryOnly, err)
	}
	return errors.Join(err, s.dir.close())
}

// Push appends a message and keeps its payload, which must not change any
// more. It drops the oldest messages where there is no room.
//
// An error that is ErrMemoryOnly says why the disk fails. It is returned for
// the first message that is not written, and not again before one was.
func (s *Spool) Push(m Message) error {
	size := s.size(m)
	if size > s.limit {
		s.countDropped(size)
		return fmt.Errorf("%w: %s takes %d bytes of %d", ErrTooLarge, m.ID, size, s.limit)
	}
	for s.stats.Bytes+size > s.limit {
		s.countDropped(s.queue[0].size)
		s.removeFirst()
	}
	s.queue = append(s.queue, entry{sequence: s.next, size: size, message: &m})
	s.next++
	s.stats.Bytes += size
	if s.dir == nil {
		return nil
	}

	s.stats.MemoryOnly++
	err := s.writeBack()
	if err == nil || s.diskFailing {
		s.diskFailing = err != nil
		return nil
	}
	s.diskFailing = true
	return fmt.Errorf("%w: %w", ErrMemoryOnly, err)
}

// Head returns the oldest message and leaves it in the queue. A damaged one is
// counted and left out. The error is ErrEmpty where there is none; any other
// is of the disk, and another call may succeed.
func (s *Spool) Head() (Message, error) {
	for len(s.queue) > 0 {
		first := s.queue[0]
		if first.sequence == s.headAt {
			return s.head, nil
		}
		if first.message != nil {
			s.head, s.headAt = *first.message, first.sequence
			return s.head, nil
		}
		m, err := s.dir.read(first.sequence, s.limit)
		switch {
		case err == nil:
			s.head, s.headAt = m, first.sequence
			return m, nil
		case !isDamage(err):
			return Message{}, fmt.Errorf("read spool: %w", err)
		}
		s.stats.DamagedFiles++
		s.forgetFirst()
	}
	return Message{}, ErrEmpty
}

// Pop removes the message that Head returned last, unless it was dropped since
// then.
func (s *Spool) Pop() {
	if len(s.queue) == 0 || s.queue[0].sequence != s.headAt {
		return
	}
	s.removeFirst()
	if s.dir != nil {
		// What fails to be removed now is tried again, and reported, by Push.
		_ = s.tidy()
	}
}

// Stats returns the numbers as they are now.
func (s *Spool) Stats() Stats {
	stats := s.stats
	stats.Messages = len(s.queue)
	return stats
}
