package bus_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"headstart/event"
)

// saveBucket returns what a bucket holds, so that it can be made to hold it
// again: as if a process had died before it saved more.
func (w *world) saveBucket(t *testing.T) (restore func()) {
	t.Helper()
	kv, err := w.js.KeyValue(t.Context(), bucket)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := kv.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	held := map[string][]byte{}
	for _, key := range keys {
		e, err := kv.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		held[key] = e.Value()
	}
	return func() {
		for key, value := range held {
			if _, err := kv.Put(t.Context(), key, value); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// forgetful gives the output streams the smallest duplicate window, so that only
// reading back keeps a stage from publishing twice.
func (w *world) forgetful(t *testing.T) {
	t.Helper()
	for _, name := range probed {
		config := w.stream(t, name).CachedInfo().Config
		config.Duplicates = 100 * time.Millisecond // the least that a server takes
		if _, err := w.js.UpdateStream(t.Context(), config); err != nil {
			t.Fatal(err)
		}
	}
}

// forgotten waits until the server has forgotten the ids of all messages, or of
// those of some streams.
func (w *world) forgotten(t *testing.T, only ...string) {
	t.Helper()
	waiting, id := maps.Clone(probed), nats.NewInbox()
	maps.DeleteFunc(waiting, func(_, stream string) bool { return len(only) > 0 && !slices.Contains(only, stream) })
	await(t, "an id to be forgotten", func() bool {
		for subject, stream := range waiting {
			ack, err := w.js.Publish(t.Context(), subject, nil, jetstream.WithMsgID(id))
			if err != nil || ack.Duplicate || ack.Sequence == 0 || w.probes(t, subject) < 2 {
				continue
			}
			if err := w.stream(t, stream).Purge(t.Context(), jetstream.WithPurgeSubject(subject)); err != nil {
				t.Fatal(err)
			}
			delete(waiting, subject)
		}
		return len(waiting) == 0
	})
}

// probed are the streams that a ledger writes to, by a subject that it doesn't.
var probed = map[string]string{
	event.ConnectionSubject("probe"): event.StreamConnections,
	event.IncidentSubject("probe"):   event.StreamIncidents,
	event.DeadLetterSubject("probe"): event.StreamDeadLetters,
}

func (w *world) probes(t *testing.T, subject string) uint64 {
	t.Helper()
	info, err := w.stream(t, probed[subject]).Info(t.Context(), jetstream.WithSubjectFilter(subject))
	if err != nil {
		t.Fatal(err)
	}
	return info.State.Subjects[subject]
}
