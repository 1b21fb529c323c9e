package detect

import (
	"slices"
	"time"

	"headstart/event"
)

// maxOpenEdges are the edges of paths that one host keeps in mind while they are
// open.
const maxOpenEdges = 256

// reportOpenEdges tells the paths which of their edges this host still shows: a
// heartbeat shows all that it doesn't say is over.
func (c *Engine) reportOpenEdges(at time.Time) {
	h := c.host
	if c.changes.PreviousAt.IsZero() && c.changes.Part <= 1 {
		clear(h.openEdges)
	}
	if len(h.openEdges) == 0 {
		return
	}
	for i := range c.changes.Connections {
		conn := &c.changes.Connections[i]
		if conn.Kind != event.Closed || !h.openEdges[conn.ID] {
			continue
		}
		delete(h.openEdges, conn.ID)
		c.raisePatterns(c.patterns.Seen(c.self.Name, conn.ID, c.changes.StreamTime(conn.SeenUntil)), at)
	}
	if c.changes.Part != c.changes.Parts {
		return
	}
	for _, id := range h.ordered() {
		c.raisePatterns(c.patterns.Seen(c.self.Name, id, at), at)
	}
}

// ordered returns the open edges in an order that doesn't change.
func (h *host) ordered() []event.ConnectionID {
	ids := make([]event.ConnectionID, 0, len(h.openEdges))
	for id := range h.openEdges {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b event.ConnectionID) int { return slices.Compare(a[:], b[:]) })
	return ids
}
