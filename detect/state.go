package detect

import (
	"bytes"
	"encoding/gob"
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
)

// stateVersion is that of the saved form. A state of another version is
// refused: then the stream is read from its beginning.
const stateVersion = 1

type state struct {
	Version    int
	Hosts      []hostState // by name
	Baseline   baseline.State
	Patterns   pattern.State
	Presence   heartbeat.State
	Witness    pairing.State
	Incidents  incident.State
	Firings    []lastFiring
	Lessons    []lesson
	Taught     uint64
	Tallies    []tallyState
	Now, Swept time.Time
}

type hostState struct {
	Name       string
	Watch      []byte // with the message that was watched last
	Seen, Told time.Time
	Steps      []event.ConnectionID
}

// Save returns everything that Restore needs to go on exactly.
func (c *Correlation) Save() ([]byte, error) {
	s := state{
		Version: stateVersion, Baseline: c.baseline.Save(), Patterns: c.patterns.Save(), Presence: c.presence.Save(), Witness: c.witness.Save(),
		Incidents: c.incidents.Save(), Firings: c.firings.save(), Lessons: c.lessons, Taught: c.taught, Tallies: c.tallies.save(), Now: c.now, Swept: c.swept,
	}
	var codec firing.Codec
	for _, name := range slices.Sorted(maps.Keys(c.hosts)) {
		h := c.hosts[name]
		data, err := codec.Save(&h.Host, &h.last)
		if err != nil {
			return nil, fmt.Errorf("save host %s: %w", name, err)
		}
		s.Hosts = append(s.Hosts, hostState{Name: name, Watch: data, Seen: h.seen, Told: h.told, Steps: h.ordered()})
	}
	var packed bytes.Buffer
	w := s2.NewWriter(&packed, s2.WriterConcurrency(1))
	if err := gob.NewEncoder(w).Encode(&s); err != nil {
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
func (c *Correlation) Restore(data []byte) error {
	var s state
	if err := gob.NewDecoder(io.LimitReader(s2.NewReader(bytes.NewReader(data)), maxState)).Decode(&s); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	if s.Version != stateVersion {
		return fmt.Errorf("restore: %w: %d, want %d", event.ErrVersion, s.Version, stateVersion)
	}
	fresh := New(c.set, c.options)
	var codec firing.Codec
	for _, saved := range s.Hosts {
		watched, last, err := codec.Restore(saved.Watch)
		if err != nil {
			return fmt.Errorf("restore host %s: %w", saved.Name, err)
		}
		fresh.directory.Learn(last)
		h := &host{Host: *watched, last: *last, seen: saved.Seen, told: saved.Told, steps: map[event.ConnectionID]bool{}}
		for _, id := range saved.Steps {
			h.steps[id] = true
		}
		fresh.hosts[saved.Name] = h
	}
	if err := fresh.baseline.Restore(s.Baseline); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	if err := fresh.patterns.Restore(s.Patterns); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	fresh.presence.Restore(s.Presence)
	if err := fresh.witness.Restore(s.Witness); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	fresh.incidents.Restore(s.Incidents)
	fresh.firings.restore(s.Firings)
	fresh.lessons, fresh.taught = s.Lessons, s.Taught
	fresh.now, fresh.swept, fresh.counts, fresh.asked = s.Now, s.Swept, c.counts, c.asked
	fresh.tallies.restore(s.Tallies)
	*c = *fresh
	c.Use(c.set) // what it gives away of c is c's own
	return nil
}
