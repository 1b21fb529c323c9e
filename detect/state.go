package detect

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/klauspost/compress/s2"

	"headstart/detect/baseline"
	"headstart/detect/firing"
	"headstart/detect/heartbeat"
	"headstart/detect/incident"
	"headstart/detect/pairing"
	"headstart/detect/pattern"
	"headstart/event"
	"headstart/event/wire"
)

// stateVersion is the first byte of a saved state. A state of another version
// is rejected, and the stream is read from its beginning.
const stateVersion = 1

type state struct {
	Hosts          []hostState // by name
	Baseline       baseline.State
	Patterns       pattern.State
	Heartbeats     heartbeat.State
	Pairs          pairing.State
	Incidents      incident.State
	Firings        []firingState
	Postponed      []postponed
	PostponedCount uint64
	Tallies        []tallyState
	Now, Swept     time.Time
}

type hostState struct {
	Name           string
	Firing         []byte // with the message that was watched last
	Seen, PolledAt time.Time
	OpenEdges      []event.ConnectionID
}

// Save returns everything that Restore needs to continue exactly.
func (c *Engine) Save() ([]byte, error) {
	s := state{
		Baseline: c.baseline.Save(), Patterns: c.patterns.Save(), Heartbeats: c.heartbeats.Save(), Pairs: c.pairs.Save(),
		Incidents: c.incidents.Save(), Firings: c.firings.save(), Postponed: c.postponed, PostponedCount: c.postponedCount, Tallies: c.tallies.save(), Now: c.now, Swept: c.swept,
	}
	var codec firing.Codec
	for _, name := range slices.Sorted(maps.Keys(c.hosts)) {
		h := c.hosts[name]
		data, err := codec.Save(&h.Host, &h.last)
		if err != nil {
			return nil, fmt.Errorf("save host %s: %w", name, err)
		}
		s.Hosts = append(s.Hosts, hostState{Name: name, Firing: data, Seen: h.seen, PolledAt: h.polledAt, OpenEdges: h.ordered()})
	}
	data, err := wire.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("save: %w", err)
	}
	packed := bytes.NewBuffer([]byte{stateVersion})
	w := s2.NewWriter(packed, s2.WriterConcurrency(1))
	if _, err := w.Write(data); err != nil {
		return nil, fmt.Errorf("save: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("save: %w", err)
	}
	return packed.Bytes(), nil
}

// maxState bounds what a saved state unpacks to.
const maxState = 4 << 30

// Restore replaces all that is known by what was saved.
func (c *Engine) Restore(data []byte) error {
	if len(data) == 0 || data[0] != stateVersion {
		return fmt.Errorf("restore: %w: saved by another version of this program", event.ErrVersion)
	}
	unpacked, err := io.ReadAll(io.LimitReader(s2.NewReader(bytes.NewReader(data[1:])), maxState))
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	var s state
	if err := wire.Unmarshal(unpacked, &s); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	fresh := New(c.set, c.options)
	var codec firing.Codec
	for _, saved := range s.Hosts {
		watched, last, err := codec.Restore(saved.Firing)
		if err != nil {
			return fmt.Errorf("restore host %s: %w", saved.Name, err)
		}
		fresh.table.Update(last)
		h := &host{Host: *watched, last: *last, seen: saved.Seen, polledAt: saved.PolledAt, openEdges: map[event.ConnectionID]bool{}}
		for _, id := range saved.OpenEdges {
			h.openEdges[id] = true
		}
		fresh.hosts[saved.Name] = h
	}
	if err := fresh.baseline.Restore(s.Baseline); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	if err := fresh.patterns.Restore(s.Patterns); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	fresh.heartbeats.Restore(s.Heartbeats)
	if err := fresh.pairs.Restore(s.Pairs); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	fresh.incidents.Restore(s.Incidents)
	fresh.firings.restore(s.Firings)
	fresh.postponed, fresh.postponedCount = s.Postponed, s.PostponedCount
	fresh.now, fresh.swept, fresh.counts, fresh.observer = s.Now, s.Swept, c.counts, c.observer
	fresh.tallies.restore(s.Tallies)
	*c = *fresh
	c.Use(c.set) // what it gives away of c is c's own
	return nil
}
