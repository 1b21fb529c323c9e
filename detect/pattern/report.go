package pattern

import (
	"bytes"
	"cmp"
	"strings"
	"time"

	"headstart/event"
)

// report is a match as it is kept. Times are nanoseconds since 1970.
type report struct {
	Match
	own   int64 // its connection was opened at the latest
	began int64 // and, where order counts, after this
	value *value
}

// newReport returns nil for a match without a time.
func newReport(m Match, interval time.Duration) *report {
	own, at := event.Nanoseconds(m.OpenedBefore), event.Nanoseconds(m.At)
	if m.At.IsZero() {
		at, m.At = own, m.OpenedBefore
	}
	if m.OpenedBefore.IsZero() || own > at {
		own = at
	}
	if own == 0 {
		return nil
	}
	began := event.Nanoseconds(m.OpenedAfter)
	if m.OpenedAfter.IsZero() {
		began = at - int64(interval)
	}
	began = min(began, own-1)
	m.By, m.Of = bounded(m.By), bounded(m.Of)
	return &report{Match: m, own: own, began: began}
}

// compare orders reports by their own time, and then in any way that does not
// depend on which came first.
func (r *report) compare(o *report) int {
	if r.own != o.own {
		return cmp.Compare(r.own, o.own)
	}
	return cmp.Or(r.tuple().compare(o.tuple()), strings.Compare(r.Host, o.Host), bytes.Compare(r.Connection[:], o.Connection[:]))
}

// clockSlack is by how much the clocks of two hosts differ at most, as far as
// is corrected.
const clockSlack = int64(2 * time.Second)

// same reports whether two reports can be of one connection: both ends', or one
// host's under one id.
func (r *report) same(o *report) bool {
	if r.tuple() != o.tuple() {
		return false
	}
	if r.Host == o.Host {
		return r.Connection == o.Connection
	}
	return !r.after(o) && !o.after(r)
}

// after reports whether a connection that another host reported was certainly
// opened before.
func (r *report) after(o *report) bool {
	return !r.OpenedAfter.IsZero() && r.began >= o.own+clockSlack
}

// tuple is what makes a connection, while it lives.
type tuple struct {
	source, destination event.Address
	sourcePort, port    uint16
}

func (r *report) tuple() tuple {
	return tuple{r.Edge.Source, r.Edge.Destination, r.Edge.SourcePort, r.Edge.Port}
}

func (t tuple) compare(o tuple) int {
	return cmp.Or(t.source.Compare(o.source), t.destination.Compare(o.destination),
		cmp.Compare(t.sourcePort, o.sourcePort), cmp.Compare(t.port, o.port))
}

// connection is a connection as one host saw it.
type connection struct {
	host string
	id   event.ConnectionID
}

const dayLength = int64(24 * time.Hour)

// dayOf is the UTC day of a time, since 1970.
func dayOf(at int64) int64 { return at / dayLength }

func dayText(day int64) string { return time.Unix(day*86400, 0).UTC().Format(time.DateOnly) }

// maxText is how long a key or a value can be; what is longer is its beginning
// and a hash.
const maxText = 256

func bounded(text string) string {
	if len(text) <= maxText {
		return text
	}
	return text[:maxText-32] + "…" + event.PatternID(text)
}

// some returns at most MaxEvidence of the matches, spread evenly, the first and
// the last among them.
func some(reports []*report) []Match {
	n := min(len(reports), MaxEvidence)
	matches := make([]Match, n)
	for i := range matches {
		at := i
		if n > 1 {
			at = i * (len(reports) - 1) / (n - 1)
		}
		matches[i] = reports[at].Match
	}
	return matches
}

// latest returns the newest snapshot of reports.
func latest(reports []*report) (at time.Time) {
	for _, r := range reports {
		if r.At.After(at) {
			at = r.At
		}
	}
	return at
}
