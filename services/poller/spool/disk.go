package spool

import "slices"

// block is what file systems commonly give files in.
const block = 4096

// size is what a message takes of the limit.
func (s *Spool) size(m Message) int64 {
	return s.fileSize(int64(headerSize + len(m.ID) + len(m.Payload)))
}

func (s *Spool) fileSize(bytes int64) int64 {
	if s.dir == nil {
		return bytes
	}
	return (bytes + block - 1) / block * block
}

// load makes the queue of what is in the directory.
func (s *Spool) load() error {
	found, err := s.dir.list()
	if err != nil {
		return err
	}
	s.stats.ForeignFiles = found.foreign
	if n := len(found.messages); n > 0 {
		s.next = found.messages[n-1].sequence + 1
	}
	full := false
	for _, f := range slices.Backward(found.messages) {
		size := s.fileSize(f.bytes)
		if full = full || size <= s.limit && s.stats.Bytes+size > s.limit; full || size > s.limit {
			s.countDropped(size)
			s.removable = append(s.removable, f.sequence)
			continue
		}
		if _, err := s.dir.read(f.sequence, s.limit); err != nil {
			s.stats.DamagedFiles++
			continue
		}
		s.queue = append(s.queue, entry{sequence: f.sequence, size: size, filed: true})
		s.stats.Bytes += size
	}
	slices.Reverse(s.queue)
	// What fails to be removed now is tried again, and reported, by Push.
	_ = s.tidy()
	return nil
}

// writeBack writes what is only in memory to the directory.
func (s *Spool) writeBack() error {
	// Nothing is written before what was to be removed is, or a directory that
	// takes files and keeps them would grow beyond the limit.
	if err := s.tidy(); err != nil {
		return err
	}
	for i := range s.queue {
		e := &s.queue[i]
		if e.message == nil || e.filed {
			continue
		}
		if err := s.dir.write(e.sequence, *e.message); err != nil {
			return err
		}
		e.filed = true
	}
	if err := s.dir.sync(); err != nil {
		return err
	}
	for i := range s.queue {
		s.queue[i].message = nil
	}
	s.stats.MemoryOnly = 0
	return nil
}

// tidy removes the files of messages that have left the queue.
func (s *Spool) tidy() error {
	for len(s.removable) > 0 {
		last := len(s.removable) - 1
		if err := s.dir.remove(s.removable[last]); err != nil {
			return err
		}
		s.removable = s.removable[:last]
	}
	return nil
}

// removeFirst removes the oldest message and, when the disk permits, its file.
func (s *Spool) removeFirst() {
	if first := s.queue[0]; first.filed {
		s.removable = append(s.removable, first.sequence)
	}
	s.forgetFirst()
}

// forgetFirst removes the oldest message and leaves its file.
func (s *Spool) forgetFirst() {
	first := s.queue[0]
	s.queue[0] = entry{}
	s.queue = s.queue[1:]
	s.stats.Bytes -= first.size
	if s.dir != nil && first.message != nil {
		s.stats.MemoryOnly--
	}
	if s.headAt == first.sequence {
		s.head, s.headAt = Message{}, 0
	}
}

func (s *Spool) countDropped(size int64) {
	s.stats.DroppedMessages++
	s.stats.DroppedBytes += uint64(size)
}
