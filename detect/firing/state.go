package firing

import (
	"fmt"

	"headstart/detect/rule"
	"headstart/detect/rule/schema"
	"headstart/event"

	"github.com/tinylib/msgp/msgp"
)

const stateVersion = 1

// maxPartsOfEntry is how many parts of rules can fire on a connection.
const maxPartsOfEntry = rule.MaxRules * schema.MaxSteps

// Codec saves and restores what is remembered of hosts. One goroutine uses it
// at a time.
type Codec struct {
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
	b := msgp.AppendArrayHeader([]byte{stateVersion}, 1+2*uint32(len(ids)))
	b = msgp.AppendBytes(b, message)
	for _, id := range ids {
		b = appendStrings(b, h.entries[id].fired)
		b = appendStrings(b, h.entries[id].pending)
	}
	return b, nil
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
	n, b, err := msgp.ReadArrayHeaderBytes(state[1:])
	if err != nil {
		return nil, err
	}
	message, b, err := msgp.ReadBytesZC(b)
	if err != nil {
		return nil, err
	}
	if err := c.decoder.Decode(message, &c.changes); err != nil {
		return nil, err
	}
	if len(c.changes.Connections) > MaxEntries || int(n) != 1+2*len(c.changes.Connections) {
		return nil, fmt.Errorf("%d connections in an array of %d", len(c.changes.Connections), n)
	}
	// No due and no rules: the first message finds out what is due.
	h := &Host{
		last: c.changes.SnapshotID(), part: c.changes.Part, at: c.changes.ObservedAt,
		entries: make(map[event.ConnectionID]*tracked, len(c.changes.Connections)),
	}
	for _, connection := range c.changes.Connections {
		e := &tracked{connection: connection}
		if e.fired, b, err = readStrings(b); err != nil {
			return nil, fmt.Errorf("fired: %w", err)
		}
		if e.pending, b, err = readStrings(b); err != nil {
			return nil, fmt.Errorf("waiting: %w", err)
		}
		h.entries[connection.ID] = e
	}
	if len(b) > 0 {
		return nil, fmt.Errorf("%d bytes after the end", len(b))
	}
	return h, nil
}

func appendStrings(b []byte, all []string) []byte {
	b = msgp.AppendArrayHeader(b, uint32(len(all)))
	for _, s := range all {
		b = msgp.AppendString(b, s)
	}
	return b
}

func readStrings(b []byte) ([]string, []byte, error) {
	n, b, err := msgp.ReadArrayHeaderBytes(b)
	if err != nil {
		return nil, nil, err
	}
	if n > maxPartsOfEntry {
		return nil, nil, fmt.Errorf("%d parts of rules, more than %d", n, maxPartsOfEntry)
	}
	var all []string
	for range n {
		var s string
		if s, b, err = msgp.ReadStringBytes(b); err != nil {
			return nil, nil, err
		}
		all = append(all, s)
	}
	return all, b, nil
}
