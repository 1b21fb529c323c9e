package conntable_test

import (
	"fmt"
	"slices"
	"time"

	"headstart/event"
)

// ledger keeps the books on a host's changes and reports where they break what
// the table promises.
type ledger struct {
	open   map[event.ConnectionID]bool
	opened map[event.ConnectionID]bool // ever
}

func newLedger() *ledger {
	return &ledger{map[event.ConnectionID]bool{}, map[event.ConnectionID]bool{}}
}

// enter books the changes that a snapshot made.
func (l *ledger) enter(s *event.Snapshot, c *event.Changes) error {
	for i := range c.Connections {
		if err := l.connection(&c.Connections[i], c.ObservedAt); err != nil {
			return fmt.Errorf("change %d, %+v: %w", i, c.Connections[i], err)
		}
	}
	shown, listening := 0, 0
	for i := range s.Sockets {
		switch row := &s.Sockets[i]; {
		case slices.Contains([]event.State{event.SynSent, event.SynRecv, event.NewSynRecv, event.TimeWait, event.Close}, row.State):
		case row.State == event.FinWait2 && row.Timer == event.TimerTimeWait:
		case row.State == event.Listen:
			listening++
		default:
			shown++
		}
	}
	if len(l.open) != shown || int(c.Open) != shown {
		return fmt.Errorf("opened minus closed is %d, the changes count %d open, the snapshot shows %d", len(l.open), c.Open, shown)
	}
	if int(c.Listening) != listening {
		return fmt.Errorf("the changes count %d listening, the snapshot shows %d", c.Listening, listening)
	}
	return nil
}

func (l *ledger) connection(c *event.Connection, now time.Time) error {
	switch c.Kind {
	case event.Opened:
		if l.opened[c.ID] {
			return fmt.Errorf("opened twice")
		}
		l.opened[c.ID], l.open[c.ID] = true, true
	case event.Closed:
		if !l.open[c.ID] {
			return fmt.Errorf("closed without being open")
		}
		delete(l.open, c.ID)
	}
	listener := c.Kind == event.Listening || c.Kind == event.StoppedListening
	if listener != (c.Direction == 0) || listener != (c.DirectionFrom == 0) {
		return fmt.Errorf("direction %v from %v", c.Direction, c.DirectionFrom)
	}
	ended := c.Kind == event.Closed || c.Kind == event.StoppedListening || c.State == event.TimeWait || !c.ClosedBefore.IsZero()
	bounds := []time.Time{c.OpenedAfter, c.OpenedBefore, c.SeenUntil}
	switch {
	case c.State == event.FinWait2 && ended && c.SeenUntil.Before(c.OpenedBefore):
		// Came and went since the last snapshot, and its end is not exact.
		bounds = []time.Time{c.OpenedAfter, c.SeenUntil, c.ClosedAfter, c.OpenedBefore, c.ClosedBefore}
	case ended:
		bounds = append(bounds, c.ClosedAfter, c.ClosedBefore)
	}
	for i := 1; i < len(bounds); i++ {
		if bounds[i].Before(bounds[i-1]) {
			return fmt.Errorf("bounds in the wrong order: %v", bounds)
		}
	}
	switch {
	case ended == c.ClosedBefore.IsZero() || ended == c.ClosedAfter.IsZero():
		return fmt.Errorf("ended is %t, bounds of the end are %s and %s", ended, c.ClosedAfter, c.ClosedBefore)
	case !ended && !c.SeenUntil.Equal(now):
		return fmt.Errorf("still there at %s, but seen until %s", now, c.SeenUntil)
	case (c.Kind == event.Closed) != (c.Reason != 0):
		return fmt.Errorf("reason %v", c.Reason)
	}
	if least, most := c.Age(now); least < 0 || least > most {
		return fmt.Errorf("lived at least %s and at most %s", least, most)
	}
	return nil
}
