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

// correlator is the stage: the engine, and what connects it to the streams.
type correlator struct {
	bus      *bus.Bus
	log      *slog.Logger
	rules    *rules
	set      *ruleset // active
	metrics  *correlatorMetrics
	engine   *detect.Engine
	maxHosts int
	every    time.Duration // a checkpoint is made

	decoder event.ChangesDecoder
	changes event.Changes

	appliedTo   bus.Position // of the last message that was taken in
	saved       checkpoint   // without its data
	setRecorded bool         // a checkpoint records that set is active
	reporter    *reporter
	budget      time.Duration  // of an evaluation of a rule; 0: there is none
	failures    map[string]int // by rule
	countedAt   time.Time
	countedOf   *ruleset

	publishedTo bus.Position // outputs of messages up to here may be in the streams, made with the checkpoint's rules
}

// handle applies a batch. It can't fail half-way: a message that fails is
// dead-lettered.
func (c *correlator) handle(ctx context.Context, messages []bus.Message) (bus.Work, error) {
	work := bus.Work{Before: c.activateNewest(messages[0])}
	for _, m := range messages {
		if c.applied(m) {
			continue
		}
		out, err := c.apply(m)
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
	c.metrics.observe(c.engine)
	c.count()
	return work, nil
}

// applied reports whether the restored state includes a message.
func (c *correlator) applied(m bus.Message) bool {
	return m.Stream.Equal(c.appliedTo.Stream) && m.Sequence <= c.appliedTo.Sequence
}

// apply applies a message. Its output is valid until the next one.
func (c *correlator) apply(m bus.Message) (*detect.Output, error) {
	c.appliedTo = bus.Position{Stream: m.Stream, Sequence: m.Sequence}
	if err := c.decoder.Decode(m.Data, &c.changes); err != nil {
		return nil, err
	}
	if want := event.ConnectionSubject(c.changes.Host); m.Subject != want {
		return nil, fmt.Errorf("host %q on subject %s, want %s", c.changes.Host, m.Subject, want)
	}
	out := c.engine.Apply(&c.changes, m.StoredAt)
	if out.Rejected {
		return nil, fmt.Errorf("more than %d hosts (--max-hosts)", c.maxHosts)
	}
	return out, nil
}

// publish adds the outputs of a message to the work.
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

// stale is the age from which a message is history and changes no polling.
const stale = 5 * time.Minute

// control sends controls for adaptive polling. A lost one does no harm: an open
// incident sends them again.
func (c *correlator) control(ctx context.Context, out *detect.Output, m bus.Message) {
	if time.Since(m.StoredAt) > stale {
		return
	}
	for _, o := range out.Controls {
		if err := c.bus.Control(ctx, o.Host, o.Control); err != nil {
			c.log.Warn("control not sent", "host", o.Host, "error", err)
		}
	}
}
