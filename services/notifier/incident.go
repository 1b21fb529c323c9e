package notifier

import (
	"context"
	"errors"
	"time"

	"headstart/bus"
	"headstart/event"
	"headstart/services/notifier/delivery"
	"headstart/services/notifier/nflog"
)

// incident makes one attempt at one revision of an incident, if its turn has
// come. Revisions of an incident come one at a time.
//
// That a revision is sent is noted before, and that the receiver has it, before
// the message is acknowledged. So a thread that waits for its opening waits for
// a message that the server still keeps for this receiver; only if that is lost
// with the stream does it wait in vain, and then no longer than it would have
// been tried.
func (d *desk) incident(ctx context.Context, m bus.Message) bus.Retry {
	i, err := event.DecodeIncident(m.Data)
	if err == nil && event.IncidentSubject(i.ID) != m.Subject {
		err = errors.New("decode incident: it is another than its subject says")
	}
	if err != nil {
		return d.bury(ctx, event.StreamIncidents, m, err.Error())
	}
	told, err := d.told.Get(ctx, d.key(i))
	if err != nil {
		return d.later("read what was told", i, err)
	}
	step, action := d.next(nflog.Parse(told), i)
	if step == nflog.Begin {
		step, action, err = d.change(ctx, i, func(t nflog.Thread, revision uint64) nflog.Thread {
			if step, _ := d.next(t, i); step != nflog.Begin {
				return t
			}
			return t.With(revision)
		})
	} else if step == nflog.Wait && time.Since(m.StoredAt) >= d.Backoff.GiveUpAfter {
		step, action, err = d.change(ctx, i, nflog.Thread.Reopened)
	}
	if err != nil {
		return d.later("note that it is sent", i, err)
	}
	switch step {
	case nflog.Told:
		return bus.Retry{}
	case nflog.Superseded:
		d.metrics.superseded.Inc()
		return bus.Retry{}
	case nflog.Orphan:
		// Another notifier may have its opening, or NATS didn't let this one
		// note it.
		if m.Attempt <= patience {
			return d.wait(m, i)
		}
		d.metrics.unwanted.Inc()
		return bus.Retry{}
	case nflog.Wait:
		return d.wait(m, i)
	case nflog.Send:
		return d.tell(ctx, m, i, action)
	default:
		d.metrics.unwanted.Inc()
		return bus.Retry{}
	}
}

const (
	// patience is how often an end without a beginning is looked at again.
	patience = 3

	// longestWait is for how long it may not be seen that the opening is
	// delivered. Looking costs the receiver nothing.
	longestWait = 30 * time.Second
)

// wait tries again when the opening may be delivered.
func (d *desk) wait(m bus.Message, i *event.Incident) bus.Retry {
	outcome := d.Backoff.Next(delivery.Retryf(0, "waits for the opening"), uint64(m.Attempt), 0)
	after := min(outcome.After, longestWait)
	d.log.Debug("waits until the opening is delivered", "incident", i.ID, "revision", i.Revision, "after", after)
	return bus.Retry{Wanted: true, After: after}
}

// tell sends a revision and notes that it is settled.
func (d *desk) tell(ctx context.Context, m bus.Message, i *event.Incident, action delivery.Action) bus.Retry {
	verdict, retry := d.send(ctx, event.StreamIncidents, m, delivery.ForIncident(i, action, d.Name))
	if retry.Wanted || verdict == delivery.Dead && action != delivery.Opened {
		return retry
	}
	if _, _, err := d.change(ctx, i, nflog.Thread.Settled); err != nil {
		return d.later("note that it was told", i, err)
	}
	return bus.Retry{}
}

// change changes the thread of an incident, and returns what is to be done with
// the revision then.
func (d *desk) change(ctx context.Context, i *event.Incident, to func(t nflog.Thread, revision uint64) nflog.Thread) (nflog.Step, delivery.Action, error) {
	told, err := d.told.Update(ctx, d.key(i), func(old []byte) []byte {
		before := nflog.Parse(old)
		after := to(before, i.Revision)
		if after == before {
			return old
		}
		return after.Encode()
	})
	if err != nil {
		return 0, "", err
	}
	step, action := d.next(nflog.Parse(told), i)
	return step, action, nil
}

func (d *desk) next(t nflog.Thread, i *event.Incident) (nflog.Step, delivery.Action) {
	return t.Next(i, d.Wants(i.Severity))
}

func (d *desk) later(what string, i *event.Incident, err error) bus.Retry {
	d.log.Warn("will try again", "step", what, "incident", i.ID, "revision", i.Revision, "error", err)
	return bus.Retry{Wanted: true, After: again}
}

func (d *desk) key(i *event.Incident) string { return d.Name + "." + event.Token(i.ID) }
