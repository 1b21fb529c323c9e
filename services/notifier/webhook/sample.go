package webhook

import (
	"time"

	"headstart/event"
	"headstart/services/notifier/delivery"
)

type sample struct {
	has          string
	notification delivery.Notification
}

// samples are what a template is tried on when it is read.
func samples() []sample {
	const hostile = "a \"quoted\"\nline \\ <&>"
	at := time.Date(2025, 6, 5, 15, 16, 0, 0, time.UTC)
	source, destination := event.AddressFrom4(0x0a01010a), event.AddressFrom4(0x0a01050a)
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
		{"every field", delivery.ForAlert(&full, "sample")},
		{"no peer, no evidence and no upper bound of its age", delivery.ForAlert(&least, "sample")},
	}
}
