package detect

import (
	"slices"

	"headstart/event"
)

// maxOpenEdges are the edges of paths that one host keeps in mind while they are
// open.
const maxOpenEdges = 256

// reportOpenEdges moves the paths' edges of this host on in time: a snapshot
// shows every connection that it doesn't report as closed.
func (st *step) reportOpenEdges() {
	h := st.host
	if st.changes.PreviousAt.IsZero() && st.changes.Part <= 1 {
		clear(h.openEdges)
	}
	if len(h.openEdges) == 0 {
		return
	}
	for i := range st.changes.Connections {
		conn := &st.changes.Connections[i]
		if conn.Kind != event.Closed || !h.openEdges[conn.ID] {
			continue
		}
		delete(h.openEdges, conn.ID)
		st.raisePatterns(st.patterns.Seen(st.self.Name, conn.ID, st.changes.StreamTime(conn.SeenUntil)))
	}
	if st.changes.Part != st.changes.Parts {
		return
	}
	for _, id := range h.ordered() {
		st.raisePatterns(st.patterns.Seen(st.self.Name, id, st.at))
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
