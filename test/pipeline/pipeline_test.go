package pipeline_test

import (
	"slices"
	"testing"
	"time"

	"headstart/bus/natstest"
	"headstart/event"
	"headstart/test/system"
)

func TestSnapshotsBecomeDeliveredAlerts(t *testing.T) {
	t.Parallel()
	server := natstest.Start(t)
	receiver := system.NewReceiver(t)
	system.Tracker(t, server.URL)
	system.Correlator(t, server.URL, "")
	system.Notifier(t, server.URL, receiver)
	b := system.Connect(t, server.URL, "poller")
	if err := b.EnsureStreams(t.Context(), system.Storage, event.StreamSnapshots); err != nil {
		t.Fatal(err)
	}
	web := newWebServer(b, "web-01.example.com")
	web.publish(t)
	web.connect(5432, event.Established)
	for range 3 {
		web.publish(t)
	}
	got := receiver.Wait(t, 20*time.Second, "an alert about the database session", func(all []system.Received) bool { return len(all) >= 1 })
	a := got[0]
	if a.Rule != "database-session-long" || a.Host != "web-01.example.com" || a.Connection.Port != 5432 {
		t.Errorf("got %s on %s port %d", a.Rule, a.Host, a.Connection.Port)
	}
	if least := time.Duration(a.Connection.AgeMin); least != 30*time.Second {
		t.Errorf("fired when at least %s old, want 30s: the first snapshot that proves it", least)
	}
	if a.Connection.AgeMax == nil || time.Duration(*a.Connection.AgeMax) != time.Minute {
		t.Errorf("upper bound %v, want 1m", a.Connection.AgeMax)
	}
	web.connect(445, event.SynSent)
	web.publish(t)
	web.publish(t)
	receiver.Wait(t, 20*time.Second, "an alert about SMB", func(all []system.Received) bool {
		return slices.ContainsFunc(all, func(a system.Received) bool { return a.Rule == "smb-from-web-server" })
	})
}
