package report

import (
	"net/netip"
	"time"

	"headstart/event"
)

func at(clock string) time.Time {
	t, err := time.Parse(time.DateTime, "2025-06-05 "+clock)
	if err != nil {
		panic(err)
	}
	return t
}

func address(text string) event.Address { return event.AddressFrom(netip.MustParseAddr(text)) }

// reference is the incident that headstart's design starts from, as the
// correlator could have it in the evening, times in UTC.
func reference() *event.Incident {
	web, db, files, dc := address("10.1.1.10"), address("10.1.3.20"), address("10.1.5.10"), address("10.1.7.10")
	from := address("203.0.113.7")
	return &event.Incident{
		ID: "051f4dfe077aef33f9a110f6", Revision: 9, State: event.IncidentQuiet, Severity: event.Critical,
		Title: "web-01 reached db-01, files-01, dc-01: Chain of unusual connections from host to host",
		Score: 237.5, Threshold: 60, Notified: true,
		Reasons: []event.ScoreReason{
			{Points: 90, Rule: "unusual-path", Text: "Chain of unusual connections from host to host"},
			{Points: 60, Rule: "database-session-long", Text: "Database session lasts far longer than earlier sessions"},
			{Points: 50, Text: "went on from host to host, 3 steps in a row"},
			{Points: 37.5, Rule: "smb-sweep", Text: "A sweep for file shares, 3 times"},
		},
		OpenedAt: at("14:30:51"), NotifiedAt: at("14:30:51"), LastActivityAt: at("17:02:37"), At: at("19:02:40"),
		Hosts: []string{"web-01", "files-01", "db-01", "dc-01", "10.1.5.11"},
		Parts: []event.HostPart{
			{Host: "web-01", Part: event.Entry, Since: at("14:30:00"), Addresses: []event.Address{web}, Roles: []string{"web"}, Monitored: true},
			{Host: "files-01", Part: event.Pivot, Since: at("15:15:43"), Addresses: []event.Address{files}, Roles: []string{"file-server"}, Monitored: true},
			{Host: "db-01", Part: event.Target, Since: at("14:30:23"), Addresses: []event.Address{db}, Roles: []string{"database"}, Monitored: true},
			{Host: "dc-01", Part: event.Target, Since: at("16:22:08"), Addresses: []event.Address{dc}, Roles: []string{"domain-controller"}},
			{Host: "10.1.5.11", Part: event.Scanned, Since: at("15:15:44"), Addresses: []event.Address{address("10.1.5.11")}},
		},
		Sources: []event.Address{from},
		Alerts:  []string{"a1", "a2", "a3", "a4", "a5", "a6"},
		Rules:   []string{"database-session-long", "new-source-ssh", "smb-sweep", "unusual-path"},
		Path: []event.PathEdge{
			{At: at("14:30:00"), Source: from, Destination: web, Port: 22, DestinationHost: "web-01", Reasons: []string{"new-source-ssh"}, Witnesses: 1, Count: 1},
			{At: at("14:30:23"), Source: web, Destination: db, Port: 5432, SourceHost: "web-01", DestinationHost: "db-01",
				Reasons: []string{"database-session-long", "unusual length"}, Witnesses: 2, Count: 1},
			{At: at("15:15:44"), Source: web, Destination: address("10.1.5.11"), Port: 445, SourceHost: "web-01", DestinationHost: "10.1.5.11",
				Reasons: []string{"smb-sweep"}, Attempt: true, Witnesses: 1, Count: 2},
			{At: at("15:47:12"), Source: web, Destination: files, Port: 445, SourceHost: "web-01", DestinationHost: "files-01",
				Reasons: []string{"smb-sweep", "unusual-path", "unusual edge"}, Witnesses: 2, Count: 3},
			{At: at("16:22:08"), Source: files, Destination: dc, Port: 3389, SourceHost: "files-01", DestinationHost: "dc-01",
				Reasons: []string{"unusual-path", "unusual edge"}, Witnesses: 1, Count: 1},
		},
		Timeline: []event.TimelineEntry{
			{At: at("14:30:00"), Host: "web-01", Text: "SSH from where nobody came from before: 203.0.113.7 → web-01:22", Alert: "a1", Rule: "new-source-ssh"},
			{At: at("14:30:51"), Host: "web-01", Text: "Database session lasts far longer than earlier sessions: web-01 → db-01:5432", Alert: "a2", Rule: "database-session-long"},
			{At: at("14:30:51"), Text: "people are told: score 67.5 reached 60"},
			{At: at("14:30:51"), Text: "db-01, web-01 asked to look every 10s until 14:45"},
			{At: at("15:15:52"), Host: "web-01", Text: "A sweep for file shares: web-01 → 10.1.5.11:445, not answered", Alert: "a3", Rule: "smb-sweep"},
			{At: at("15:16:02"), Host: "web-01", Text: "A sweep for file shares: web-01 → files-01:445", Alert: "a4", Rule: "smb-sweep"},
			{At: at("15:47:12"), Host: "web-01", Text: "Chain of unusual connections from host to host: web-01 → files-01:445", Alert: "a5", Rule: "unusual-path"},
			{At: at("16:22:08"), Host: "files-01", Text: "files-01 → dc-01:3389 (unusual edge)"},
		},
		Next: []event.NextHop{{From: "files-01", Host: "backup-01", Port: 22, Days: 6}, {From: "db-01", Host: "2001:db8::9", Port: 5432, Days: 1}},
		Response: event.Response{
			Block: []string{
				"nft add table inet headstart",
				"nft add chain inet headstart input '{ type filter hook input priority -10 ; }'",
				`nft add rule inet headstart input ip saddr 203.0.113.7 counter drop comment '"source of incident 051f4dfe077aef33f9a110f6"'`,
				`nft add rule inet headstart input ip saddr 10.1.1.10 counter drop comment '"web-01 of incident 051f4dfe077aef33f9a110f6"'`,
			},
			RotateKeys: []string{"web-01"}, RotateCredentials: []string{"db-01:5432"},
			Segment: []string{"web-01 → db-01:5432", "web-01 → files-01:445", "files-01 → dc-01:3389"},
		},
		Left: 37,
	}
}
