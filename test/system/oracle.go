package system

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"headstart/conntable"
	"headstart/event"
)

// messageLimit is up to which size the tracker fills a message: a server's
// default max_payload, less room for headers.
const messageLimit = 1<<20 - 2048

// CheckChanges holds what is in CONNECTIONS against what the table makes of
// what is in SNAPSHOTS: the same messages, byte for byte, once each, those of a
// host in order. It returns what is in CONNECTIONS.
func CheckChanges(t testing.TB, url string) []event.Changes {
	t.Helper()
	o := oracle{t: t, hosts: map[string]*host{}, want: map[string][]byte{}, order: map[string]int{}}
	Read(t, url, event.StreamSnapshots, o.snapshot)
	got := map[string]bool{}
	last := map[string]int{}
	Read(t, url, event.StreamConnections, func(m jetstream.Msg) {
		id := m.Headers().Get(jetstream.MsgIDHeader)
		switch want, expected := o.want[id]; {
		case got[id]:
			t.Errorf("%s is in the stream twice", id)
		case !expected:
			t.Errorf("%s answers nothing", id)
		case !bytes.Equal(m.Data(), want):
			t.Errorf("%s differs from that of an undisturbed run", id)
		}
		got[id] = true
		if at := o.order[id]; at < last[m.Subject()] {
			t.Errorf("%s is out of order", id)
		} else {
			last[m.Subject()] = at
		}
	})
	for id := range o.want {
		if !got[id] {
			t.Errorf("%s is missing", id)
		}
	}
	return Changes(t, url)
}

// oracle is a tracker that never dies and has all day.
type oracle struct {
	t        testing.TB
	hosts    map[string]*host
	want     map[string][]byte // messages of changes by id
	order    map[string]int
	decoder  event.SnapshotDecoder
	comparer conntable.Comparer
	encoder  event.ChangesEncoder
}

type host struct {
	table   conntable.Table
	arrived event.SnapshotID // of which parts are there
	parts   map[uint16]event.Snapshot
}

func (o *oracle) snapshot(m jetstream.Msg) {
	var s event.Snapshot
	if o.decoder.Decode(m.Data(), &s) != nil || event.SnapshotSubject(s.Host) != m.Subject() {
		return // a dead letter
	}
	h := o.hosts[s.Host]
	if h == nil {
		h = new(host)
		o.hosts[s.Host] = h
	}
	if h.arrived != s.ID() {
		h.arrived, h.parts = s.ID(), map[uint16]event.Snapshot{}
	}
	h.parts[s.Part] = s
	if len(h.parts) < int(s.Parts) {
		return
	}
	s.Sockets = nil
	for part := range s.Parts {
		s.Sockets = append(s.Sockets, h.parts[part+1].Sockets...)
	}
	h.parts = map[uint16]event.Snapshot{}

	var changes event.Changes
	if o.comparer.Apply(&h.table, &s, lag(o.t, m), &changes) != conntable.Compared {
		return
	}
	messages, err := o.encoder.Parts(&changes, messageLimit)
	if err != nil {
		o.t.Fatal(err)
	}
	for i, data := range messages {
		id := s.ID().MessageID(uint16(i + 1))
		o.want[id] = data
		o.order[id] = len(o.order)
	}
}

// lag is by how much the stream's clock is ahead of the sender's.
func lag(t testing.TB, m jetstream.Msg) time.Duration {
	t.Helper()
	meta, err := m.Metadata()
	if err != nil {
		t.Fatal(err)
	}
	var sent int64
	if _, err := fmt.Sscan(m.Headers().Get("Headstart-Sent"), &sent); err != nil {
		t.Fatal(err)
	}
	return meta.Timestamp.Sub(time.Unix(0, sent))
}
