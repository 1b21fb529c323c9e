package correlator

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"headstart/bus"
	"headstart/event"
	"headstart/services/correlator/directory"
	"headstart/services/correlator/rule"
	"headstart/services/correlator/watch"
)

// correlator is the state of the stage. Messages are handled one after
// another: what one host says of itself is known to the rules of the next.
type correlator struct {
	log       *slog.Logger
	rules     *rules
	metrics   *correlatorMetrics
	directory *directory.Directory
	hosts     map[string]*watched // by subject
	maxHosts  int
	swept     time.Time

	decoder event.ChangesDecoder
	changes event.Changes
	codec   watch.Codec
	watcher *watch.Watcher
	set     *rule.Set // of watcher
}

// watched is a host with what is remembered of it.
type watched struct {
	watch.Host
	saved time.Time // of the last message that was saved, as seen
	seen  time.Time // on the stream's clock
}

const (
	// refresh is how often what is remembered of a host is saved though it
	// hasn't changed: the bucket forgets what is not written.
	refresh = 24 * time.Hour

	// silence is after how long a host that says nothing is forgotten.
	silence = 30 * 24 * time.Hour
	sweep   = time.Hour
)

// handle evaluates a batch. It can't fail half-way: what fails is a message,
// which goes to the dead letters.
func (c *correlator) handle(_ context.Context, messages []bus.Message) (bus.Work, error) {
	if set := c.rules.current(); set != c.set {
		c.set, c.watcher = set, watch.NewWatcher(set)
	}
	var work bus.Work
	for _, m := range messages {
		if err := c.evaluate(m, &work); err != nil {
			dead, err := bus.DeadLetter("correlator", event.StreamConnections, m, err)
			if err != nil {
				return bus.Work{}, err
			}
			c.metrics.undecodable.Inc()
			work.Outputs = append(work.Outputs, dead)
		}
	}
	c.expire(messages[len(messages)-1].StoredAt)
	c.metrics.hosts.Store(int64(c.directory.Len()))
	c.metrics.contested.Store(int64(c.directory.Contested()))
	return work, nil
}

func (c *correlator) evaluate(m bus.Message, work *bus.Work) error {
	changes := &c.changes
	if err := c.decoder.Decode(m.Data, changes); err != nil {
		return err
	}
	if want := event.ConnectionSubject(changes.Host); m.Subject != want {
		return fmt.Errorf("host %q on subject %s, want %s", changes.Host, m.Subject, want)
	}
	h := c.hosts[m.Subject]
	if h == nil {
		if len(c.hosts) >= c.maxHosts {
			return fmt.Errorf("more than %d hosts (--max-hosts)", c.maxHosts)
		}
		h = new(watched)
		c.hosts[m.Subject] = h
	}
	h.seen = m.StoredAt
	self, news := c.directory.Learn(changes)
	findings, changed, forgotten := c.watcher.Watch(&h.Host, changes, self, c.directory.At)
	c.metrics.events.Add(len(changes.Connections))
	c.metrics.forgotten.Add(forgotten)
	for i := range findings {
		if err := c.report(&findings[i], self, m, work); err != nil {
			return err
		}
	}
	at := changes.StreamTime(changes.ObservedAt)
	if news || changed || at.Sub(h.saved) > refresh {
		state, err := c.codec.Save(&h.Host, changes)
		if err != nil {
			return err
		}
		h.saved = at
		work.States = append(work.States, bus.State{Key: m.Subject, Value: state})
	}
	return nil
}

func (c *correlator) report(f *watch.Finding, self *rule.Host, m bus.Message, work *bus.Work) error {
	switch {
	case f.Err != nil:
		c.metrics.failed(f.Rule.ID).Inc()
		c.log.Error("rule failed", "rule", f.Rule.ID, "host", self.Name, "error", f.Err)
		return nil
	case f.Muted != nil:
		c.metrics.muted(f.Rule.ID).Inc()
		return nil
	case f.Rule.IsPattern():
		return nil // one match of several that it takes
	}
	a := c.alert(f, self)
	data, err := event.EncodeAlert(a)
	if err != nil {
		return err
	}
	c.metrics.alerts(f.Rule).Inc()
	work.Outputs = append(work.Outputs, bus.Output{
		Subject: event.AlertSubject(a.Severity, a.Rule), ID: a.ID, Data: data, Source: m.Sequence,
	})
	return nil
}

// alert describes a finding. All times are on the stream's clock.
func (c *correlator) alert(f *watch.Finding, self *rule.Host) *event.Alert {
	connection, changes := f.Connection, &c.changes
	for _, t := range []*time.Time{
		&connection.OpenedAfter, &connection.OpenedBefore, &connection.SeenUntil, &connection.ClosedAfter, &connection.ClosedBefore,
	} {
		*t = changes.StreamTime(*t)
	}
	at := changes.StreamTime(changes.ObservedAt)
	description := event.DescribeConnection(&connection, at)
	a := &event.Alert{
		ID: event.AlertID(f.Rule.ID, connection.ID), Rule: f.Rule.ID, Severity: f.Rule.Severity, Title: f.Rule.Title,
		Description: f.Rule.Description, Guide: f.Rule.Guide, Attack: f.Rule.Attack,
		At: at, Host: self.Name, Roles: self.Roles,
		Connection: description, Snapshot: changes.SnapshotID().String(),
	}
	first := event.Evidence{
		At: connection.OpenedBefore, Source: description.Source, Destination: description.Destination,
		Port: description.Port, State: connection.State, Row: event.DescribeRow(&connection),
	}
	a.Evidence = []event.Evidence{first}
	if at.After(first.At) {
		again := first
		again.At = at
		a.Evidence = append(a.Evidence, again)
	}
	if connection.Direction != 0 {
		a.Peer = &event.AlertPeer{Address: connection.Remote, Internal: c.set.Internal(connection.Remote)}
		if peer := c.directory.At(connection.Remote); peer != nil {
			a.Peer.Host, a.Peer.Roles = peer.Name, peer.Roles
		}
	}
	return a
}

// expire forgets hosts that have been silent for long. The bucket forgets them
// by itself.
func (c *correlator) expire(now time.Time) {
	if now.Sub(c.swept) < sweep {
		return
	}
	c.swept = now
	for subject, h := range c.hosts {
		if now.Sub(h.seen) > silence {
			delete(c.hosts, subject)
		}
	}
	c.directory.Expire(now.Add(-silence))
}

// restore takes in what was remembered of a host. It returns true, for more.
func (c *correlator) restore(subject string, state []byte) bool {
	h, last, err := c.codec.Restore(state)
	if err != nil {
		c.metrics.lostHosts.Inc()
		c.log.Error("what was remembered of a host is unusable, starting anew", "subject", subject, "error", err)
		return true
	}
	c.directory.Learn(last)
	at := last.StreamTime(last.ObservedAt)
	c.hosts[subject] = &watched{Host: *h, saved: at, seen: at}
	return true
}
