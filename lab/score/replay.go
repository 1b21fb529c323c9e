package score

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"time"
)

// maxLine is the longest line of a replay's output that is read.
const maxLine = 64 << 20

// Replay is the output of headstart replay.
type Replay struct {
	Alerts    map[string]*Alert // by id
	Incidents []*Incident       // in their last state, in the order of first appearance
}

// Alert is one alert of a replay.
type Alert struct {
	ID       string       `json:"id"`
	Rule     string       `json:"rule"`
	Severity string       `json:"severity"`
	At       time.Time    `json:"at"`
	Host     string       `json:"host"`
	Incident string       `json:"incident"`
	Title    string       `json:"title"`
	Evidence []Connection `json:"evidence"`
}

// Connection is one that an alert or a path names.
type Connection struct {
	At          time.Time  `json:"at"`
	Source      netip.Addr `json:"source"`
	Destination netip.Addr `json:"destination"`
	Port        uint16     `json:"port"`
	State       string     `json:"state,omitempty"`
}

// Incident is an incident of a replay, in its last state.
type Incident struct {
	ID         string       `json:"id"`
	Severity   string       `json:"severity"`
	Title      string       `json:"title"`
	Notified   bool         `json:"notified"`
	OpenedAt   time.Time    `json:"opened_at"`
	NotifiedAt time.Time    `json:"notified_at"`
	Hosts      []string     `json:"hosts"`
	Alerts     []string     `json:"alerts"`
	Path       []Connection `json:"path"`
}

// Read reads the JSON lines that headstart replay prints. Lines of other types
// are ignored.
func Read(r io.Reader) (*Replay, error) {
	replay := &Replay{Alerts: map[string]*Alert{}}
	index := map[string]int{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	n := 0
	for lines.Scan() {
		n++
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		var kind struct {
			Type string `json:"type"`
		}
		if err := json.Unmarshal(line, &kind); err != nil {
			return nil, fmt.Errorf("parse replay line %d: %w", n, err)
		}
		switch kind.Type {
		case "alert":
			a := new(Alert)
			if err := json.Unmarshal(line, a); err != nil {
				return nil, fmt.Errorf("parse replay line %d: alert: %w", n, err)
			}
			replay.Alerts[a.ID] = a
		case "incident":
			i := new(Incident)
			if err := json.Unmarshal(line, i); err != nil {
				return nil, fmt.Errorf("parse replay line %d: incident: %w", n, err)
			}
			if k, ok := index[i.ID]; ok {
				replay.Incidents[k] = i
				continue
			}
			index[i.ID] = len(replay.Incidents)
			replay.Incidents = append(replay.Incidents, i)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read replay after line %d: %w", n, err)
	}
	return replay, nil
}

// named is a connection that an incident names, and since when it does.
type named struct {
	Connection
	since time.Time
}

// connections lists those that an incident names, evidence first.
func (r *Replay) connections(i *Incident) []named {
	var all []named
	for _, id := range i.Alerts {
		if a := r.Alerts[id]; a != nil {
			for _, c := range a.Evidence {
				all = append(all, named{c, a.At})
			}
		}
	}
	for _, c := range i.Path {
		all = append(all, named{c, c.At})
	}
	return all
}

// title is the incident's, or that of its first alert.
func (r *Replay) title(i *Incident) string {
	if i.Title != "" {
		return i.Title
	}
	for _, id := range i.Alerts {
		if a := r.Alerts[id]; a != nil {
			return a.Title
		}
	}
	return ""
}

// rules are those of an incident's alerts, each once.
func (r *Replay) rules(i *Incident) []string {
	rules, seen := []string{}, map[string]bool{}
	for _, id := range i.Alerts {
		if a := r.Alerts[id]; a != nil && !seen[a.Rule] {
			seen[a.Rule] = true
			rules = append(rules, a.Rule)
		}
	}
	return rules
}
