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

// incident makes one attempt to deliver a revision of an incident, unless it must
// wait. Revisions of an incident are handled one at a time.
//
// The attempt is stored before the revision is sent, and the delivery before the
// message is acknowledged. So a revision that waits for the opening waits for a
// message that the server still has for this receiver. If that message is lost
// with the stream, the wait ends when the opening would have been given up.
func (d *dispatcher) incident(ctx context.Context, m bus.Message) bus.Retry {
	i, err := event.DecodeIncident(m.Data)
	if err == nil && event.IncidentSubject(i.ID) != m.Subject {
		err = errors.New("decode incident: id differs from the subject")
	}
	if err != nil {
		return d.deadLetter(ctx, event.StreamIncidents, m, err.Error())
	}
	stored, err := d.entries.Get(ctx, d.key(i))
	if err != nil {
		return d.retryLater("read log entry", i, err)
	}
	step, action := d.next(nflog.Parse(stored), i)
	if step == nflog.Begin {
		step, action, err = d.update(ctx, i, func(e nflog.Entry, revision uint64) nflog.Entry {
			if step, _ := d.next(e, i); step != nflog.Begin {
				return e
			}
			return e.Attempt(revision)
		})
	} else if step == nflog.Wait && time.Since(m.StoredAt) >= d.Backoff.GiveUpAfter {
		step, action, err = d.update(ctx, i, nflog.Entry.Reopen)
	}
	if err != nil {
		return d.retryLater("store attempt", i, err)
	}
	switch step {
	case nflog.Notified:
		return bus.Retry{}
	case nflog.Superseded:
		d.metrics.superseded.Inc()
		return bus.Retry{}
	case nflog.Orphan:
		// Another notifier may be sending its opening, or NATS has not stored
		// the attempt of this one.
		if m.Attempt <= orphanAttempts {
			return d.wait(m, i)
		}
		d.metrics.unwanted.Inc()
		return bus.Retry{}
	case nflog.Wait:
		return d.wait(m, i)
	case nflog.Send:
		return d.notify(ctx, m, i, action)
	default:
		d.metrics.unwanted.Inc()
		return bus.Retry{}
	}
}

const (
	// orphanAttempts is the number of retries of an end without an opening.
	orphanAttempts = 3

	// maxWait is the longest wait before a revision looks again whether its
	// opening is delivered. That needs no request to the receiver.
	maxWait = 30 * time.Second
)

// wait retries when the opening may be delivered.
func (d *dispatcher) wait(m bus.Message, i *event.Incident) bus.Retry {
	outcome := d.Backoff.Next(delivery.Retryf(0, "waits for the opening"), uint64(m.Attempt), 0)
	after := min(outcome.After, maxWait)
	d.log.Debug("waiting for the delivery of the opening", "incident", i.ID, "revision", i.Revision, "after", after)
	return bus.Retry{Wanted: true, After: after}
}

// notify sends a revision and stores that it is settled.
func (d *dispatcher) notify(ctx context.Context, m bus.Message, i *event.Incident, action delivery.Action) bus.Retry {
	verdict, retry := d.send(ctx, event.StreamIncidents, m, delivery.ForIncident(i, action, d.Name))
	if retry.Wanted || verdict == delivery.Dead && action != delivery.Opened {
		return retry
	}
	if _, _, err := d.update(ctx, i, nflog.Entry.Settle); err != nil {
		return d.retryLater("store delivery", i, err)
	}
	return bus.Retry{}
}

// update changes the log entry of an incident, and returns the step of the
// revision after that.
func (d *dispatcher) update(ctx context.Context, i *event.Incident, to func(e nflog.Entry, revision uint64) nflog.Entry) (nflog.Step, delivery.Action, error) {
	stored, err := d.entries.Update(ctx, d.key(i), func(old []byte) []byte {
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
	step, action := d.next(nflog.Parse(stored), i)
	return step, action, nil
}

func (d *dispatcher) next(e nflog.Entry, i *event.Incident) (nflog.Step, delivery.Action) {
	return e.Next(i, d.Wants(i.Severity))
}

func (d *dispatcher) retryLater(what string, i *event.Incident, err error) bus.Retry {
	d.log.Warn("retrying", "step", what, "incident", i.ID, "revision", i.Revision, "error", err)
	return bus.Retry{Wanted: true, After: busRetry}
}

func (d *dispatcher) key(i *event.Incident) string { return d.Name + "." + event.Token(i.ID) }
