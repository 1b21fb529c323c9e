package tracker

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"headstart/bus"
	"headstart/conntable"
	"headstart/conntable/parts"
	"headstart/event"
)

// tracker distributes hosts over shards: the messages of a batch are compared on
// all cores, those of one host in order.
type tracker struct {
	log     *slog.Logger
	metrics *trackerMetrics
	shards  []*shard
	seed    maphash.Seed
	limit   int // bytes of a message
}

// handle computes the outputs and states of a batch. All that can fail comes
// first, so that a failure changes nothing.
func (t *tracker) handle(ctx context.Context, messages []bus.Message) (bus.Work, error) {
	for _, s := range t.shards {
		s.begin()
	}
	for _, m := range messages {
		s := t.shards[maphash.String(t.seed, m.Subject)%uint64(len(t.shards))]
		s.batch = append(s.batch, m)
	}
	if err := t.each(func(s *shard) error { return s.load(ctx) }); err != nil {
		return bus.Work{}, err
	}
	if err := t.each((*shard).apply); err != nil {
		return bus.Work{}, err
	}
	var work bus.Work
	for _, s := range t.shards {
		work.Outputs = append(work.Outputs, s.work.Outputs...)
		work.States = append(work.States, s.work.States...)
	}
	return work, nil
}

func (t *tracker) each(do func(*shard) error) error {
	problems := make([]error, len(t.shards))
	var wait sync.WaitGroup
	for i, s := range t.shards {
		if len(s.batch) > 0 {
			wait.Go(func() { problems[i] = do(s) })
		}
	}
	wait.Wait()
	return errors.Join(problems...)
}

// shard holds the tables of some hosts and the scratch space to work on them.
type shard struct {
	*tracker
	store    *bus.StateStore
	maxHosts int
	hosts    map[string]*host // by subject
	count    atomic.Int64
	swept    time.Time // when idle hosts were last evicted

	batch []bus.Message
	work  bus.Work

	decoder  event.SnapshotDecoder
	snapshot event.Snapshot
	comparer conntable.Comparer
	changes  event.Changes
	encoder  event.ChangesEncoder
	codec    conntable.Codec
}

// host is one host's table, and the parts of a snapshot that is still
// arriving.
type host struct {
	table   *conntable.Table
	pending parts.Pending
	used    time.Time

	// To be saved after the batch: the messages of the table's snapshot, and
	// whether pending has changed.
	dirty        [][]byte
	dirtyPending bool
}

// partsKey is the key of a host's pending parts, beside that of its table.
func partsKey(subject string) string { return subject + ".parts" }

func newShard(t *tracker, store *bus.StateStore, maxHosts int) *shard {
	return &shard{tracker: t, store: store, maxHosts: maxHosts, hosts: map[string]*host{}}
}

func (s *shard) begin() {
	s.batch = s.batch[:0]
	s.work = bus.Work{}
}

// load reads the hosts of the batch that are not in memory.
func (s *shard) load(ctx context.Context) error {
	for _, m := range s.batch {
		if h := s.hosts[m.Subject]; h != nil {
			h.used = m.StoredAt
			continue
		}
		state, err := s.store.Get(ctx, m.Subject)
		if err != nil {
			return err
		}
		pending, err := s.store.Get(ctx, partsKey(m.Subject))
		if err != nil {
			return err
		}
		h, err := s.restore(state, pending)
		if err != nil {
			// An empty table reports every connection of the host as opened
			// again; stopping would lose all hosts.
			s.log.Error("saved table is unusable: the host starts with an empty one", "subject", m.Subject, "error", err)
			s.metrics.lostTables.Inc()
			h = &host{table: new(conntable.Table)}
		}
		h.used = m.StoredAt
		s.hosts[m.Subject] = h
	}
	s.evict()
	s.count.Store(int64(len(s.hosts)))
	return nil
}

func (s *shard) restore(state, pending []byte) (*host, error) {
	h := &host{table: new(conntable.Table)}
	if state != nil {
		var err error
		if h.table, err = s.codec.Restore(state); err != nil {
			return nil, err
		}
	}
	err := h.pending.Restore(pending, func(message []byte) (*event.Snapshot, error) {
		return &s.snapshot, s.decoder.Decode(message, &s.snapshot)
	})
	return h, err
}

const (
	idle  = time.Hour   // for how long the table of a silent host stays in memory
	sweep = time.Minute // how often idle ones are evicted
)

// evict drops hosts that the batch doesn't need: idle ones above half of
// maxHosts, any above maxHosts.
func (s *shard) evict() {
	now := s.batch[len(s.batch)-1].StoredAt
	sweeping := len(s.hosts) > s.maxHosts/2 && now.Sub(s.swept) >= sweep
	if !sweeping && len(s.hosts) <= s.maxHosts {
		return
	}
	needed := make(map[string]bool, len(s.batch))
	for _, m := range s.batch {
		needed[m.Subject] = true
	}
	for subject, h := range s.hosts {
		crowded := len(s.hosts) > s.maxHosts
		switch {
		case !sweeping && !crowded:
			return
		case !needed[subject] && (crowded || now.Sub(h.used) > idle):
			delete(s.hosts, subject)
		}
	}
	if sweeping {
		s.swept = now
	}
}

// apply compares the batch's snapshots and encodes the changes.
func (s *shard) apply() error {
	for _, m := range s.batch {
		if err := s.answer(m); err != nil {
			dead, err := bus.DeadLetter("tracker", event.StreamSnapshots, m, err)
			if err != nil {
				return err
			}
			s.metrics.undecodable.Inc()
			s.work.Outputs = append(s.work.Outputs, dead)
		}
	}
	for _, m := range s.batch {
		h := s.hosts[m.Subject]
		if h.dirty != nil {
			s.work.States = append(s.work.States, bus.State{Key: m.Subject, Value: s.codec.Append(nil, h.table, h.dirty...)})
			h.dirty = nil
		}
		if h.dirtyPending {
			s.work.States = append(s.work.States, bus.State{Key: partsKey(m.Subject), Value: h.pending.Save()})
			h.dirtyPending = false
		}
	}
	return nil
}

// answer compares one snapshot. Its error means that the message is invalid.
func (s *shard) answer(m bus.Message) error {
	if err := s.decoder.Decode(m.Data, &s.snapshot); err != nil {
		return err
	}
	snapshot := &s.snapshot
	if want := event.SnapshotSubject(snapshot.Host); m.Subject != want {
		return fmt.Errorf("host %q on subject %s, want %s", snapshot.Host, m.Subject, want)
	}
	h := s.hosts[m.Subject]
	messages := [][]byte{m.Data}
	if snapshot.Parts > 1 {
		whole, dropped := h.pending.Add(snapshot.ID(), snapshot, m.Data)
		s.metrics.incomplete.Add(dropped)
		h.dirtyPending = true
		if whole == nil {
			return nil
		}
		messages = whole
		if err := parts.Join(&s.decoder, messages, snapshot); err != nil {
			return err
		}
	} else if dropped := h.pending.Drop(); dropped > 0 {
		s.metrics.incomplete.Add(dropped)
		h.dirtyPending = true
	}
	sent := m.SentAt
	if sent.IsZero() {
		sent = snapshot.TakenAt
	}
	result := s.comparer.Apply(h.table, snapshot, m.StoredAt.Sub(sent), &s.changes)
	s.metrics.results[result].Inc()
	if result != conntable.Compared {
		s.log.Warn("stale snapshot", "snapshot", snapshot.ID().String(), "result", result.String())
		return nil
	}
	h.dirty = messages
	s.metrics.count(&s.changes, len(snapshot.Sockets))
	answers, err := s.encoder.Parts(&s.changes, s.limit)
	if err != nil {
		return err
	}
	for i, data := range answers {
		s.work.Outputs = append(s.work.Outputs, bus.Output{
			Subject: event.ConnectionSubject(snapshot.Host),
			ID:      snapshot.ID().MessageID(uint16(i + 1)),
			Data:    data, Source: m.Sequence,
		})
	}
	return nil
}
