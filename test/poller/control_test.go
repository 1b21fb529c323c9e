package poller_test

import (
	"testing"
	"time"

	"headstart/event"
)

func TestControlMakesItFasterForAWhile(t *testing.T) {
	const normal, fastest = 2 * time.Second, 300 * time.Millisecond
	s := newServer(t)
	_, stored := s.startWithStream()
	p := start(t, s.url, "--interval", normal.String(), "--fastest", fastest.String())
	stored.await(1)
	var expires time.Time
	await(t, "the poller listens", func() bool {
		expires = time.Now().Add(4 * time.Second)
		stored.control("web-01", event.Control{Interval: time.Millisecond, ExpiresAt: expires, Reason: "test"})
		return p.metric("headstart_poller_control_messages_total") > 0
	})
	await(t, "the interval is normal again", func() bool {
		last := stored.last("web-01")
		return last.TakenAt.After(expires) && last.Interval == normal
	})
	p.Stop()
	faster := 0
	for _, snapshot := range stored.all() {
		switch {
		case snapshot.TakenAt.After(expires) && snapshot.Interval != normal:
			t.Errorf("snapshot %d, %s after the expiry, says %s", snapshot.Sequence, snapshot.TakenAt.Sub(expires), snapshot.Interval)
		case snapshot.Interval == fastest:
			faster++
		case snapshot.Interval != normal:
			t.Errorf("snapshot %d says %s, want %s or %s", snapshot.Sequence, snapshot.Interval, normal, fastest)
		}
	}
	// Four seconds hold two or three normal intervals.
	if faster < 5 {
		t.Errorf("%d snapshots came faster", faster)
	}
}

func TestControlCanNotMakeItSlower(t *testing.T) {
	s := newServer(t)
	_, stored := s.startWithStream()
	p := start(t, s.url)
	stored.await(1)
	await(t, "the poller listens", func() bool {
		stored.control("web-01", event.Control{Interval: time.Hour, ExpiresAt: time.Now().Add(time.Hour)})
		return p.metric("headstart_poller_control_messages_total") > 0
	})
	stored.await(stored.count() + 5)
	if last := stored.last("web-01"); last.Interval != 100*time.Millisecond {
		t.Errorf("every %s, want every 100ms", last.Interval)
	}
	p.Stop()
}

func TestBadControlMessagesAreCounted(t *testing.T) {
	s := newServer(t)
	_, stored := s.startWithStream()
	p := start(t, s.url)
	stored.await(1)
	for _, text := range []string{"", "faster!", `{"interval":"10s"}`, `{"interval":"-1s","expires_at":"2030-01-01T00:00:00Z"}`} {
		before := p.metric("headstart_poller_invalid_control_messages_total")
		await(t, "it is counted", func() bool {
			stored.publish(event.ControlSubject("web-01"), text)
			return p.metric("headstart_poller_invalid_control_messages_total") > before
		})
	}
	stored.await(stored.count() + 5)
	if n := p.metric("headstart_poller_control_messages_total"); n != 0 {
		t.Errorf("%d messages were obeyed", n)
	}
	p.Stop()
}
