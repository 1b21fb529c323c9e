package firing

import (
	"fmt"
	"math"

	"headstart/detect/rule"
	"headstart/detect/rule/schema"
	"headstart/event"
	"headstart/event/wire"
)

const stateVersion = 1

// maxPartsOfEntry is how many parts of rules can fire on a connection.
const maxPartsOfEntry = rule.MaxRules * schema.MaxSteps

// Codec saves and restores what is remembered of hosts. One goroutine uses it
// at a time.
type Codec struct {
	w       wire.Writer
	r       wire.Reader
	encoder event.ChangesEncoder
	decoder event.ChangesDecoder
	changes event.Changes
}

// Save returns the saved form of a host: a version byte and a msgpack array of
// the message that was watched last, holding the remembered connections in
// place of its own, and for each of them the names of the parts of rules that fired and that wait.
func (c *Codec) Save(h *Host, last *event.Changes) ([]byte, error) {
	saved := *last
	saved.Connections = nil
	ids := h.ordered()
	for _, id := range ids {
		saved.Connections = append(saved.Connections, h.entries[id].connection)
	}
	message, err := c.encoder.Append(nil, &saved)
	if err != nil {
		return nil, fmt.Errorf("save watch: %w", err)
	}
	c.w.Reset([]byte{stateVersion})
	c.w.Array(1 + 2*len(ids))
	c.w.Binary(message)
	for _, id := range ids {
		c.w.Strings(h.entries[id].fired)
		c.w.Strings(h.entries[id].pending)
	}
	return c.w.Bytes(), nil
}

// Restore reads what Save returned. It also returns the message that was
// watched last, without its connections.
func (c *Codec) Restore(state []byte) (*Host, *event.Changes, error) {
	h, err := c.restore(state)
	if err != nil {
		return nil, nil, fmt.Errorf("restore watch: %w", err)
	}
	last := c.changes
	last.Connections = nil
	c.changes = event.Changes{}
	return h, &last, nil
}

func (c *Codec) restore(state []byte) (*Host, error) {
	if len(state) == 0 || state[0] != stateVersion {
		return nil, fmt.Errorf("%w: saved by another version of this program", event.ErrVersion)
	}
	r := &c.r
	r.Reset(state[1:])
	n, message := r.Array(math.MaxUint32), r.Binary()
	if r.Err() != nil {
		return nil, r.Err()
	}
	if err := c.decoder.Decode(message, &c.changes); err != nil {
		return nil, err
	}
	if len(c.changes.Connections) > MaxEntries || n != 1+2*len(c.changes.Connections) {
		return nil, fmt.Errorf("%d connections in an array of %d", len(c.changes.Connections), n)
	}
	// No due and no rules: the first message finds out what is due.
	h := &Host{
		last: c.changes.SnapshotID(), part: c.changes.Part, at: c.changes.ObservedAt,
		entries: make(map[event.ConnectionID]*tracked, len(c.changes.Connections)),
	}
	for _, connection := range c.changes.Connections {
		e := &tracked{connection: connection, fired: r.Strings(maxPartsOfEntry), pending: r.Strings(maxPartsOfEntry)}
		if r.Err() != nil {
			return nil, fmt.Errorf("rules of connection %s: %w", connection.ID, r.Err())
		}
		h.entries[connection.ID] = e
	}
	return h, r.End()
}
