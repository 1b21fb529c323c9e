package correlator

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"headstart/bus"
	"headstart/detect"
	"headstart/event"
)

// correlator is the state of the stage: a correlation, and what stands between
// it and the streams.
type correlator struct {
	bus         *bus.Bus
	log         *slog.Logger
	rules       *rules
	set         *ruleset // in force
	metrics     *correlatorMetrics
	correlation *detect.Engine
	maxHosts    int
	every       time.Duration // a checkpoint is made

	decoder event.ChangesDecoder
	changes event.Changes

	at        bus.Position // of the last message that was taken in
	saved     checkpoint   // without its data
	recorded  bool         // a checkpoint says that set is in force
	reporter  *reporter
	budget    time.Duration  // of an evaluation of a rule; 0: there is none
	failures  map[string]int // by rule
	countedAt time.Time
	countedOf *ruleset

	published bus.Position // what follows from messages up to here may be in the streams, with the set of the checkpoint
}

// handle takes in a batch. It can't fail half-way: what fails is a message,
// which goes to the dead letters.
func (c *correlator) handle(ctx context.Context, messages []bus.Message) (bus.Work, error) {
	work := bus.Work{Before: c.adopt(messages[0])}
	for _, m := range messages {
		if c.taken(m) {
			continue
		}
		out, err := c.take(m)
		if err == nil {
			err = c.publish(out, m, &work)
		}
		if err != nil {
			dead, err := bus.DeadLetter(stageName, event.StreamConnections, m, err)
			if err != nil {
				return bus.Work{}, err
			}
			c.metrics.undecodable.Inc()
			work.Outputs = append(work.Outputs, dead)
			continue
		}
		c.control(ctx, out, m)
	}
	if last := messages[len(messages)-1]; c.due(last) {
		if state, ok := c.checkpoint(last.StoredAt); ok {
			work.States = append(work.States, state)
		}
	}
	c.metrics.observe(c.correlation)
	c.count()
	return work, nil
}

// taken reports whether the state that was restored stands for a message
// already.
func (c *correlator) taken(m bus.Message) bool {
	return m.Stream.Equal(c.at.Stream) && m.Sequence <= c.at.Sequence
}

// take takes in a message. What it returns is valid until the next.
func (c *correlator) take(m bus.Message) (*detect.Output, error) {
	c.at = bus.Position{Stream: m.Stream, Sequence: m.Sequence}
	if err := c.decoder.Decode(m.Data, &c.changes); err != nil {
		return nil, err
	}
	if want := event.ConnectionSubject(c.changes.Host); m.Subject != want {
		return nil, fmt.Errorf("host %q on subject %s, want %s", c.changes.Host, m.Subject, want)
	}
	out := c.correlation.Apply(&c.changes, m.StoredAt)
	if out.Rejected {
		return nil, fmt.Errorf("more than %d hosts (--max-hosts)", c.maxHosts)
	}
	return out, nil
}

// publish adds what follows from a message to the work.
func (c *correlator) publish(out *detect.Output, m bus.Message, work *bus.Work) error {
	var outputs []bus.Output
	for _, a := range out.Alerts {
		data, err := event.EncodeAlert(a)
		if err != nil {
			return err
		}
		outputs = append(outputs, bus.Output{
			Subject: event.AlertSubject(a.Severity, a.Rule), ID: a.ID, Data: data, Source: m.Sequence,
		})
	}
	for _, i := range out.Incidents {
		data, err := event.EncodeIncident(i)
		if err != nil {
			return err
		}
		outputs = append(outputs, bus.Output{
			Subject: event.IncidentSubject(i.ID), ID: i.MessageID(), Data: data, Source: m.Sequence,
		})
	}
	work.Outputs = append(work.Outputs, outputs...)
	c.metrics.count(out)
	c.failed(out)
	for _, f := range out.Failures {
		c.log.Error("rule failed", "rule", f.Rule, "host", f.Host, "error", f.Err)
	}
	return nil
}

// stale is from which age on a message is history: it asks nobody to hurry.
const stale = 5 * time.Minute

// control asks hosts to look more often. Nothing is lost when it doesn't reach
// them: an incident that goes on asks again.
func (c *correlator) control(ctx context.Context, out *detect.Output, m bus.Message) {
	if time.Since(m.StoredAt) > stale {
		return
	}
	for _, o := range out.Controls {
		if err := c.bus.Control(ctx, o.Host, o.Control); err != nil {
			c.log.Warn("host not asked to look more often", "host", o.Host, "error", err)
		}
	}
}
