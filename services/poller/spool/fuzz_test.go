package spool_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"headstart/services/poller/spool"
)

const modelLimit = 10 * 4096

// model is what a spool should do, without a disk.
type model struct {
	queue   []modelMessage
	dropped uint64

	onDisk    bool
	files     map[int]modelMessage // by number
	removable []int                // files to remove once the disk works
	failing   bool
	pushed    int
}

type modelMessage struct {
	number int
	size   int64
}

func (m modelMessage) message() spool.Message {
	return spool.Message{ID: fmt.Sprint(m.number), Payload: bytes.Repeat([]byte{byte(m.number)}, int(m.size))}
}

// takes is what the message takes of the limit.
func (m *model) takes(one modelMessage) int64 {
	header := int64(12 + len(one.message().ID))
	if !m.onDisk {
		return header + one.size
	}
	return (header + one.size + 4095) / 4096 * 4096
}

func (m *model) bytes() (sum int64) {
	for _, one := range m.queue {
		sum += m.takes(one)
	}
	return sum
}

func (m *model) push(one modelMessage) {
	if m.takes(one) > modelLimit {
		m.dropped++
		return
	}
	for m.bytes()+m.takes(one) > modelLimit {
		m.dropped++
		m.pop()
	}
	m.queue = append(m.queue, one)
	m.writeBack()
}

func (m *model) pop() {
	m.removable = append(m.removable, m.queue[0].number)
	m.queue = m.queue[1:]
}

func (m *model) tidy() {
	if !m.failing {
		for _, number := range m.removable {
			delete(m.files, number)
		}
		m.removable = nil
	}
}

func (m *model) writeBack() {
	if m.tidy(); m.onDisk && !m.failing {
		for _, one := range m.queue {
			m.files[one.number] = one
		}
	}
}

// restart is for a disk that works: everything is on it.
func (m *model) restart() {
	m.writeBack()
	m.queue = nil
	for _, number := range slices.Sorted(maps.Keys(m.files)) {
		m.queue = append(m.queue, m.files[number])
	}
	m.dropped = 0
}

// readable reports whether the first message can be had.
func (m *model) readable() bool {
	_, filed := m.files[m.queue[0].number]
	return !m.failing || !filed
}

func FuzzSpool(f *testing.F) {
	f.Add(false, []byte("\x00\x10\x01\x20\x04\x00\x04\x00\x04\x00"))
	f.Add(true, []byte("\x00\x10\x00\x60\x00\xff\x05\x00\x04\x00\x00\x01\x05\x00"))
	f.Add(true, []byte("\x00\x10\x06\x00\x00\x20\x00\xc0\x04\x00\x06\x00\x05\x00\x04\x00"))
	f.Add(true, []byte("\x00\xf0\x00\xf0\x06\x00\x00\xf0\x04\x00\x06\x00\x00\x10\x05\x00"))

	f.Fuzz(func(t *testing.T, onDisk bool, steps []byte) {
		const mostSteps = 64 // a file takes milliseconds
		var o spool.Options
		if o.Limit = modelLimit; onDisk {
			o.Dir = filepath.Join(t.TempDir(), "spool")
		}
		s := open(t, o)
		defer func() { s.Close() }()
		m := &model{onDisk: onDisk, files: make(map[int]modelMessage)}
		restore := func() {}

		for i := 0; i+1 < len(steps) && i < 2*mostSteps; i += 2 {
			switch argument := int64(steps[i+1]); steps[i] % 8 {
			default:
				m.pushed++
				one := modelMessage{m.pushed, argument * argument}
				m.push(one)
				if err := s.Push(one.message()); err != nil && !errors.Is(err, spool.ErrTooLarge) && !(m.failing && errors.Is(err, spool.ErrMemoryOnly)) {
					t.Fatalf("push: %v", err)
				}
			case 3, 4:
				checkHead(t, s, m)
				if len(m.queue) > 0 && m.readable() {
					s.Pop()
					m.pop()
					m.tidy()
				}
			case 5:
				if onDisk && !m.failing {
					s = reopen(t, s, o)
					m.restart()
				}
			case 6:
				if onDisk && m.failing {
					restore()
				} else if onDisk {
					restore = breakDirectory(t, o.Dir)
				}
				m.failing = onDisk && !m.failing
			}
			checkStats(t, s, m)
		}
		if m.failing {
			restore()
			m.failing = false
		}
		for len(m.queue) > 0 {
			checkHead(t, s, m)
			s.Pop()
			m.pop()
		}
		checkHead(t, s, m)
	})
}

func checkHead(t *testing.T, s *spool.Spool, m *model) {
	t.Helper()
	got, err := s.Head()
	switch {
	case len(m.queue) == 0:
		if !errors.Is(err, spool.ErrEmpty) {
			t.Fatalf("head %q, %v, want none", got.ID, err)
		}
	case !m.readable():
		// It may have been read before the disk failed.
		if errors.Is(err, spool.ErrEmpty) {
			t.Fatalf("empty, want %d or an error of the disk", m.queue[0].number)
		}
	default:
		if want := m.queue[0].message(); err != nil || got.ID != want.ID || !bytes.Equal(got.Payload, want.Payload) {
			t.Fatalf("head %q, %v, want %q", got.ID, err, want.ID)
		}
	}
}

func checkStats(t *testing.T, s *spool.Spool, m *model) {
	t.Helper()
	got := s.Stats()
	if got.Messages != len(m.queue) || got.Bytes != m.bytes() || got.DroppedMessages != m.dropped {
		t.Fatalf("%+v, want %d messages of %d bytes and %d dropped", got, len(m.queue), m.bytes(), m.dropped)
	}
	if got.Bytes > modelLimit {
		t.Fatalf("%d bytes, more than %d", got.Bytes, modelLimit)
	}
	if got.DamagedFiles != 0 || got.ForeignFiles != 0 {
		t.Fatalf("%+v, want no damage", got)
	}
}
