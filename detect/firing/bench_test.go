package firing_test

import (
	"testing"

	"headstart/detect/firing"
	"headstart/detect/rule"
	"headstart/event"
	rules "headstart/rules.expr"
)

func defaultPack(b *testing.B) *firing.Rules {
	b.Helper()
	set, err := rule.Load(rules.Files, "rules.expr")
	if err != nil {
		b.Fatal(err)
	}
	return firing.NewRules(set)
}

// BenchmarkHeartbeat is a message in which nothing has changed, of a host with
// a thousand connections remembered.
func BenchmarkHeartbeat(b *testing.B) {
	w := defaultPack(b)
	var host firing.Host
	message := opened(445, 0, 1000)
	w.Evaluate(&host, message, self, nobody)
	if host.Len() != 1000 {
		b.Fatalf("%d remembered", host.Len())
	}
	b.ReportAllocs()
	for b.Loop() {
		message = beat(message)
		w.Evaluate(&host, message, self, nobody)
	}
}

// beat makes the next heartbeat of a message, in place.
func beat(m *event.Changes) *event.Changes {
	m.Sequence++
	m.PreviousAt, m.ObservedAt = m.ObservedAt, m.ObservedAt.Add(30e9)
	m.Connections = m.Connections[:0]
	return m
}

// BenchmarkTenChanges is a message of a web server with five connections that
// opened and five that closed: rules wait for some.
func BenchmarkTenChanges(b *testing.B) {
	w := defaultPack(b)
	var host firing.Host
	begin := opened(443, 0, 4)
	begin.Connections = append(begin.Connections, opened(5432, 4, 1).Connections...)
	end := closed(begin).Connections
	message := new(event.Changes)
	*message = *begin
	both := append(append([]event.Connection(nil), end...), begin.Connections...)
	b.ReportAllocs()
	for b.Loop() {
		beat(message)
		message.Connections = append(message.Connections, both...)
		for i := range message.Connections {
			c := &message.Connections[i]
			c.OpenedBefore, c.SeenUntil = message.ObservedAt, message.ObservedAt
			if c.Kind == event.Closed {
				c.OpenedBefore, c.ClosedAfter, c.ClosedBefore = message.PreviousAt, message.PreviousAt, message.ObservedAt
			}
		}
		w.Evaluate(&host, message, self, nobody)
	}
	if host.Len() == 0 {
		b.Fatal("no rule waits")
	}
}

// BenchmarkSave is what an alert on a host with a hundred others costs.
func BenchmarkSave(b *testing.B) {
	w := defaultPack(b)
	var host firing.Host
	message := opened(445, 0, 100)
	w.Evaluate(&host, message, self, nobody)
	var codec firing.Codec
	size := 0
	b.ReportAllocs()
	for b.Loop() {
		state, err := codec.Save(&host, message)
		if err != nil {
			b.Fatal(err)
		}
		size = len(state)
	}
	b.ReportMetric(float64(size), "bytes")
}
