// Package parts assembles snapshots: a table that is too large for one message
// comes in numbered parts, and an incomplete snapshot is never used as a whole
// one. It is pure.
package parts

import (
	"fmt"

	"headstart/event"
	"headstart/event/wire"
)

// Pending holds the parts of a host's incomplete snapshot. The zero Pending has
// none.
type Pending struct {
	id    event.SnapshotID
	parts [][]byte // nil where one is missing
}

// Add keeps a part. It returns all parts in order once the snapshot is complete,
// and the number of incomplete snapshots that it replaced: 0 or 1.
func (p *Pending) Add(id event.SnapshotID, s *event.Snapshot, message []byte) (whole [][]byte, dropped int) {
	if p.id != id || len(p.parts) != int(s.Parts) {
		dropped = p.Drop()
		p.id, p.parts = id, make([][]byte, s.Parts)
	}
	p.parts[s.Part-1] = message
	for _, part := range p.parts {
		if part == nil {
			return nil, dropped
		}
	}
	whole = p.parts
	*p = Pending{}
	return whole, dropped
}

// Drop discards an incomplete snapshot and returns the number of them: 0 or 1.
func (p *Pending) Drop() int {
	if p.parts == nil {
		return 0
	}
	*p = Pending{}
	return 1
}

// Save returns the pending parts' saved form, nil if there are none: a msgpack
// array of the messages, empty where one is missing.
func (p *Pending) Save() []byte {
	if p.parts == nil {
		return nil
	}
	var w wire.Writer
	w.Reset(nil)
	w.Array(len(p.parts))
	for _, part := range p.parts {
		w.Binary(part)
	}
	return w.Bytes()
}

// Restore reads what Save returned. decode reads a part into the snapshot that
// it returns.
func (p *Pending) Restore(state []byte, decode func(message []byte) (*event.Snapshot, error)) error {
	if state == nil {
		return nil
	}
	var r wire.Reader
	r.Reset(state)
	parts := r.Array(event.MaxParts)
	for i := range parts {
		message := r.Binary()
		if r.Err() != nil {
			return fmt.Errorf("saved part %d: %w", i+1, r.Err())
		}
		if len(message) == 0 {
			continue
		}
		part, err := decode(message)
		if err != nil {
			return fmt.Errorf("saved part %d: %w", i+1, err)
		}
		p.Add(part.ID(), part, message)
	}
	if err := r.End(); err != nil {
		return fmt.Errorf("saved parts: %w", err)
	}
	return nil
}

// Join decodes the messages of a whole snapshot, in order, into s.
func Join(decoder *event.SnapshotDecoder, messages [][]byte, s *event.Snapshot) error {
	var sockets []event.Socket
	for i, m := range messages {
		if err := decoder.Decode(m, s); err != nil {
			return fmt.Errorf("part %d: %w", i+1, err)
		}
		rows := s.Sockets
		if len(sockets) > 0 && len(rows) > 0 && sockets[len(sockets)-1].CompareKey(&rows[0]) >= 0 {
			return fmt.Errorf("part %d doesn't follow part %d", i+1, i)
		}
		sockets = append(sockets, rows...)
	}
	s.Sockets = sockets
	return nil
}
