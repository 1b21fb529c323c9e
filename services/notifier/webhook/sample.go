package webhook

import (
	"time"

	"headstart/event"
	"headstart/services/notifier/delivery"
)

type sample struct {
	of           string
	notification delivery.Notification
}

// samples returns the notifications with which a template is tested.
func samples(of delivery.Kinds) (all []sample) {
	if of.Incidents {
		all = append(all, sampleIncidents()...)
	}
	if of.Alerts {
		all = append(all, sampleAlerts()...)
	}
	return all
}

// hostile needs quoting in every format.
const hostile = "a \"quoted\"\nline \\ <&>"

// fixture returns the time and the addresses of the samples.
func fixture() (at time.Time, source, destination event.Address) {
	return time.Date(2025, 6, 5, 15, 16, 0, 0, time.UTC), event.AddressFrom4(0x0a01010a), event.AddressFrom4(0x0a01050a)
}

func sampleAlerts() []sample {
	at, source, destination := fixture()
	age := event.Seconds(60 * time.Second)
	full := event.Alert{
		ID: "000000000000000000000000", Rule: "sample", Severity: event.High,
		Title: hostile, Description: hostile, Guide: hostile, Attack: []string{"T1021.002"},
		At: at, Host: hostile, Roles: []string{hostile}, Incident: "sample",
		Connection: event.AlertConnection{
			Direction: event.Outbound, DirectionFrom: event.FromHandshake,
			Source: source, Destination: destination, Port: 445, State: event.SynSent,
			OpenedAfter: at.Add(-time.Minute), OpenedBefore: at.Add(-30 * time.Second),
			ClosedAfter: at.Add(-time.Second), ClosedBefore: at, Reason: event.Gone,
			AgeMin: event.Seconds(30 * time.Second), AgeMax: &age,
		},
		Peer: &event.AlertPeer{Address: destination, Host: hostile, Roles: []string{hostile}, Internal: true},
		Evidence: []event.Evidence{{
			At: at, Source: source, Destination: destination, Port: 445, State: event.SynSent,
			Row: &event.Row{Local: "10.1.1.10:40000", Remote: "10.1.5.10:445", State: event.SynSent, UID: 33, Inode: 2740},
		}},
		Snapshot: "web-01/boot/run/1",
	}
	least := event.Alert{
		ID: full.ID, Rule: full.Rule, Title: "sample", At: at, Host: "web-01",
		Connection: event.AlertConnection{Source: source, Destination: source, Port: 445, State: event.Listen, OpenedBefore: at},
		Snapshot:   full.Snapshot,
	}
	return []sample{
		{"alert that has every field", delivery.ForAlert(&full, "sample")},
		{"alert that has no peer, no evidence and no upper bound of its age", delivery.ForAlert(&least, "sample")},
	}
}

func sampleIncidents() []sample {
	at, source, destination := fixture()
	full := event.Incident{
		ID: "sample", Revision: 2, State: event.IncidentUpdated, Title: hostile, Severity: event.Critical,
		Score: 12.5, Reasons: []event.ScoreReason{{Points: 12.5, Text: hostile, Rule: "sample"}}, Threshold: 8, Missed: 0.5,
		Notified: true, Grown: hostile, OpenedAt: at.Add(-time.Hour), NotifiedAt: at.Add(-time.Minute), LastActivityAt: at, At: at,
		MergedInto: "other", Hosts: []string{hostile},
		Parts:    []event.HostPart{{Host: hostile, Part: event.Pivot, Since: at, Addresses: []event.Address{source}, Roles: []string{hostile}, Monitored: true}},
		Sources:  []event.Address{event.AddressFrom4(0xcb007107)},
		Alerts:   []string{"000000000000000000000000"},
		Rules:    []string{"sample"},
		Path:     []event.PathEdge{{At: at, Source: source, Destination: destination, Port: 445, SourceHost: hostile, DestinationHost: hostile, Reasons: []string{hostile}, Witnesses: 2, Count: 3}},
		Timeline: []event.TimelineEntry{{At: at, Host: hostile, Text: hostile, Alert: "000000000000000000000000", Rule: "sample"}},
		Next:     []event.NextHop{{From: hostile, Host: hostile, Port: 22, Days: 9}},
		Response: event.Response{Block: []string{hostile}, RotateKeys: []string{hostile}, RotateCredentials: []string{hostile}, Segment: []string{hostile}},
		Left:     1,
	}
	least := event.Incident{ID: "sample", Revision: 3, State: event.IncidentResolved, Title: "sample", Severity: event.Low, Notified: true, OpenedAt: at, At: at}
	return []sample{
		{"incident that has every field", delivery.ForIncident(&full, delivery.Opened, "sample")},
		{"incident that has no hosts, no path and nothing to do", delivery.ForIncident(&least, delivery.Resolved, "sample")},
	}
}
