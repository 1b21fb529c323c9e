package detect

import (
	"time"

	"headstart/detect/baseline"
	"headstart/detect/rule"
	"headstart/event"
)

// step is the work on one message.
type step struct {
	*Engine
	changes *event.Changes
	self    *rule.Host // that sent it
	host    *host
	at      time.Time // of the snapshot, on the stream's clock

	// edges are the changes' connections between hosts, each built once; the
	// others have a zero edge.
	edges []baseline.Sighting
}

// newStep updates the sender's entry in the host table and returns the step.
func (c *Engine) newStep(changes *event.Changes, h *host, at time.Time) *step {
	st := &step{Engine: c, changes: changes, host: h, at: at, edges: c.edges[:0]}
	st.self, _ = c.table.Update(changes)
	st.self.ClockOffset = changes.ClockOffset
	for i := range changes.Connections {
		conn := &changes.Connections[i]
		if !betweenHosts(conn) {
			st.edges = append(st.edges, baseline.Sighting{})
			continue
		}
		st.edges = append(st.edges, st.edgeOfConnection(conn, st.opened(conn)))
	}
	c.edges = st.edges
	return st
}

// edgeOf returns the edge of a change, or of a remembered connection, whose place
// is -1.
func (st *step) edgeOf(change int, conn *event.Connection) baseline.Sighting {
	if change >= 0 {
		return st.edges[change]
	}
	return st.edgeOfConnection(conn, st.opened(conn))
}
