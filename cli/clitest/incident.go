package clitest

import (
	"testing"
	"time"

	"headstart/bus"
	"headstart/event"
)

// Incident returns a notified incident. change changes it.
func Incident(id string, change func(*event.Incident)) *event.Incident {
	at := time.Now().UTC().Add(-2 * time.Hour).Truncate(time.Second)
	i := &event.Incident{
		ID: id, Revision: 1, State: event.IncidentOpen, Title: "web-01 reached db-01: A long session", Severity: event.High,
		Score: 90, Threshold: 60, Notified: true, OpenedAt: at, NotifiedAt: at, LastActivityAt: at, At: at,
		Hosts: []string{"web-01", "db-01"},
		Parts: []event.HostPart{{Host: "web-01", Part: event.Entry, Since: at}, {Host: "db-01", Part: event.Target, Since: at}},
		Path: []event.PathEdge{{At: at, Source: Address("10.1.1.10"), Destination: Address("10.1.3.20"), Port: 5432, SourceHost: "web-01", DestinationHost: "db-01",
			Reasons: []string{"long-session"}, Witnesses: 2, Count: 1}},
		Timeline: []event.TimelineEntry{{At: at, Host: "web-01", Text: "A long session: web-01 → db-01:5432", Alert: "a", Rule: "long-session"}},
		Response: event.Response{Block: []string{"nft add table inet headstart"}},
	}
	if change != nil {
		change(i)
	}
	return i
}

// PublishIncidents publishes revisions of incidents.
func (s *System) PublishIncidents(t testing.TB, all ...*event.Incident) {
	t.Helper()
	for _, i := range all {
		data, err := event.EncodeIncident(i)
		s.Publish(t, bus.Output{Subject: event.IncidentSubject(i.ID), ID: i.MessageID(), Data: data}, err)
	}
}
