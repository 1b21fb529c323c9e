package tracker

import (
	"fmt"

	"headstart/event"

	"github.com/tinylib/msgp/msgp"
)

// pending are the parts of a snapshot that has not arrived whole.
type pending struct {
	id    event.SnapshotID
	parts [][]byte // nil where one is missing
}

// add keeps a part. It returns all parts in order once the snapshot is whole,
// and how many incomplete snapshots were dropped for it: 0 or 1.
func (p *pending) add(id event.SnapshotID, s *event.Snapshot, message []byte) (whole [][]byte, dropped int) {
	if p.id != id || len(p.parts) != int(s.Parts) {
		dropped = p.drop()
		p.id, p.parts = id, make([][]byte, s.Parts)
	}
	p.parts[s.Part-1] = message
	for _, part := range p.parts {
		if part == nil {
			return nil, dropped
		}
	}
	whole = p.parts
	*p = pending{}
	return whole, dropped
}

// drop forgets an incomplete snapshot and returns how many there were.
func (p *pending) drop() int {
	if p.parts == nil {
		return 0
	}
	*p = pending{}
	return 1
}

// partsKey is where the pending parts of a host are kept, beside its table.
func partsKey(subject string) string { return subject + ".parts" }

// save returns the pending parts' saved form, nil if there are none: a msgpack
// array of the messages, empty where one is missing.
func (p *pending) save() []byte {
	if p.parts == nil {
		return nil
	}
	b := msgp.AppendArrayHeader(nil, uint32(len(p.parts)))
	for _, part := range p.parts {
		b = msgp.AppendBytes(b, part)
	}
	return b
}

// restore reads what save returned. decode reads a part into the snapshot that
// it returns.
func (p *pending) restore(state []byte, decode func(message []byte) (*event.Snapshot, error)) error {
	if state == nil {
		return nil
	}
	n, b, err := msgp.ReadArrayHeaderBytes(state)
	if err != nil {
		return fmt.Errorf("saved parts: %w", err)
	}
	for i := range n {
		var message []byte
		if message, b, err = msgp.ReadBytesZC(b); err != nil {
			return fmt.Errorf("saved part %d: %w", i+1, err)
		}
		if len(message) == 0 {
			continue
		}
		part, err := decode(message)
		if err != nil {
			return fmt.Errorf("saved part %d: %w", i+1, err)
		}
		p.add(part.ID(), part, message)
	}
	return nil
}
