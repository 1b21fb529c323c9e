package slack

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"headstart/event"
	"headstart/services/notifier/delivery"
)

// incident is the reference one, an hour after it began.
func incident() *event.Incident {
	at := time.Date(2025, 6, 5, 14, 30, 0, 0, time.UTC)
	intruder, web, db, files := event.AddressFrom4(0xcb007107), event.AddressFrom4(0x0a01010a), event.AddressFrom4(0x0a010201), event.AddressFrom4(0x0a01050a)
	return &event.Incident{
		ID: "3f2a9c0d5b7e41c8a6d0e2f4", Revision: 4, State: event.IncidentUpdated, Title: "Lateral movement from web-01", Severity: event.Critical,
		Score: 11.5, Threshold: 6, Notified: true, OpenedAt: at, NotifiedAt: at.Add(15 * time.Minute), LastActivityAt: at.Add(77 * time.Minute), At: at.Add(78 * time.Minute),
		Reasons: []event.ScoreReason{
			{Points: 5, Text: "a database session 700 times as long as usual", Rule: "long-db-session"},
			{Points: 6.5, Text: "SMB to a host that web-01 never talked to", Rule: "smb-from-web"},
		},
		Hosts: []string{"db-01", "web-01", "file-01"},
		Parts: []event.HostPart{{Host: "db-01", Part: event.Target}, {Host: "web-01", Part: event.Pivot}, {Host: "file-01", Part: event.Target}},
		Path: []event.PathEdge{
			{At: at, Source: intruder, Destination: web, Port: 22, DestinationHost: "web-01", Count: 1},
			{At: at.Add(23 * time.Second), Source: web, Destination: db, Port: 5432, SourceHost: "web-01", DestinationHost: "db-01", Count: 1},
			{At: at.Add(45 * time.Minute), Source: web, Destination: files, Port: 445, SourceHost: "web-01", DestinationHost: "file-01", Count: 3, Attempt: true},
			{At: at.Add(77 * time.Minute), Source: web, Destination: files, Port: 445, SourceHost: "web-01", DestinationHost: "file-01", Count: 1},
		},
		Sources: []event.Address{intruder},
		Next:    []event.NextHop{{From: "file-01", Host: "dc-01", Port: 3389, Days: 4}},
		Response: event.Response{
			Block:             []string{"nft add rule inet filter input ip saddr 203.0.113.7 drop", "nft add rule inet filter output ip daddr 10.1.5.10 tcp dport 445 drop"},
			RotateKeys:        []string{"web-01"},
			RotateCredentials: []string{"db-01:5432"},
			Segment:           []string{"web-01 → file-01:445"},
		},
	}
}

func TestOpenedIncident(t *testing.T) {
	want, err := os.ReadFile("testdata/incident.json")
	if err != nil {
		t.Fatal(err)
	}
	n := delivery.ForIncident(incident(), delivery.Opened, "people")
	parse(t, n)
	if got := render(t, n); !bytes.Equal(got, want) {
		t.Errorf("message:\n%s\nwant testdata/incident.json", got)
	}
}

// texts are all that a message shows, in order.
func (p posting) texts() (all []string) {
	for _, blocks := range [][]block{p.Blocks, p.Attachments[0].Blocks} {
		for _, b := range blocks {
			if b.Text != nil {
				all = append(all, b.Text.Text)
			}
			for _, f := range append(b.Fields, b.Elements...) {
				all = append(all, f.Text)
			}
		}
	}
	return all
}

func TestUpdatesAreShort(t *testing.T) {
	footer := "<!date^1749138480^{date_short_pretty} {time_secs}|2025-06-05 15:48:00 UTC> · incident 3f2a9c0d5b7e41c8a6d0e2f4 · revision 4"
	for name, c := range map[string]struct {
		action delivery.Action
		change func(*event.Incident)
		want   []string
	}{
		"grown": {delivery.Grown, func(i *event.Incident) { i.Grown, i.Path = "one more host", i.Path[3:] }, []string{
			"*Grown: one more host*\nCRITICAL: Lateral movement from web-01",
			"*Hosts*\nweb-01 (pivot), db-01 (target), file-01 (target)",
			"*Score*\n11.5 (notified from 6)",
			"*Newest steps*\n<!date^1749138420^{date_short_pretty} {time_secs}|2025-06-05 15:47:00 UTC> web-01 → file-01:445",
			footer,
		}},
		"quiet": {delivery.Quiet, func(i *event.Incident) { i.State = event.IncidentQuiet }, []string{
			"*Quiet*\nCRITICAL: Lateral movement from web-01",
			"No activity since <!date^1749138420^{date_short_pretty} {time_secs}|2025-06-05 15:47:00 UTC>.",
			footer,
		}},
		"resolved": {delivery.Resolved, func(i *event.Incident) { i.State = event.IncidentResolved }, []string{
			"*Resolved*\nCRITICAL: Lateral movement from web-01", footer,
		}},
		"merged": {delivery.Resolved, func(i *event.Incident) { i.State, i.MergedInto = event.IncidentResolved, "77aa" }, []string{
			"*Merged into 77aa*\nCRITICAL: Lateral movement from web-01", footer,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			i := incident()
			c.change(i)
			got := parse(t, delivery.ForIncident(i, c.action, "people")).texts()
			if a, b := strings.Join(got, "\n--\n"), strings.Join(c.want, "\n--\n"); a != b {
				t.Errorf("message:\n%s\nwant:\n%s", a, b)
			}
		})
	}
}

func TestLargeIncidentIsCut(t *testing.T) {
	i := incident()
	for n := range event.MaxIncidentHosts {
		i.Parts = append(i.Parts, event.HostPart{Host: fmt.Sprintf("host-%03d.example.com", n), Part: event.Scanned})
		i.Path = append(i.Path, i.Path[2])
		i.Sources = append(i.Sources, i.Sources[0])
		i.Response.Block = append(i.Response.Block, i.Response.Block[0])
		i.Response.RotateKeys = append(i.Response.RotateKeys, i.Parts[n].Host)
		i.Next, i.Reasons = append(i.Next, i.Next[0]), append(i.Reasons, i.Reasons[0])
	}
	p := parse(t, delivery.ForIncident(i, delivery.Opened, "people"))
	for label, want := range map[string]string{"Hosts": ", 483 more", "Sources": ", 481 more"} {
		if got := p.field(label); !strings.HasSuffix(got, want) || !strings.HasPrefix(got, map[string]string{"Hosts": "web-01 (pivot), ", "Sources": "203.0.113.7, "}[label]) {
			t.Errorf("%s: %q", label, got)
		}
	}
	for _, text := range p.texts() {
		if strings.HasPrefix(text, "*What to do: block*") && (!strings.HasSuffix(text, " more\n```") || strings.Count(text, "```") != 2) {
			t.Errorf("commands: %q", text)
		}
		if strings.HasPrefix(text, "*Path*") && !strings.HasSuffix(text, " more") {
			t.Errorf("path: %q", text)
		}
	}
	grown := parse(t, delivery.ForIncident(i, delivery.Grown, "people")).texts()
	if n := strings.Count(strings.Join(grown, "\n"), "→"); n != maxNewest {
		t.Errorf("what follows shows %d steps, want %d", n, maxNewest)
	}
}

// disguised is an incident in which everything that can be named has a name.
func disguised(name string) *event.Incident {
	i := incident()
	i.ID, i.Title, i.Grown = name, name, name
	i.Response = event.Response{Block: []string{name, name}, RotateKeys: []string{name}, RotateCredentials: []string{name}, Segment: []string{name}}
	for n := range i.Parts {
		i.Parts[n].Host = name
	}
	for n := range i.Path {
		i.Path[n].SourceHost, i.Path[n].DestinationHost = name, name
	}
	i.Next[0].From, i.Next[0].Host, i.Reasons[0].Text = name, name, name
	return i
}

var actions = []delivery.Action{delivery.Opened, delivery.Grown, delivery.Quiet, delivery.Resolved}

func TestHostileNamesInAnIncidentStayText(t *testing.T) {
	for _, name := range hostile {
		for _, action := range actions {
			p := parse(t, delivery.ForIncident(disguised(name), action, "people"))
			for _, s := range append(p.texts(), p.Text, p.Attachments[0].Fallback) {
				if strings.ContainsAny(link.ReplaceAllString(s, ""), "<>\u202e\u2028\r\v\x00\x1b") {
					t.Errorf("%.60q, %v: %q", name, action, s)
				}
				if n := strings.Count(s, "```"); strings.HasPrefix(s, "*What to do: block*") && n != 2 {
					t.Errorf("%.60q: %d times ``` in %q", name, n, s)
				}
			}
		}
	}
}

func FuzzIncident(f *testing.F) {
	for _, name := range hostile {
		f.Add(name, uint8(0), uint16(3))
	}
	f.Fuzz(func(t *testing.T, name string, severity uint8, times uint16) {
		for _, action := range actions {
			i := disguised(name)
			i.Severity = event.Severity(severity)
			for range min(times, 200) {
				i.Parts, i.Path, i.Next = append(i.Parts, i.Parts[0]), append(i.Path, i.Path[0]), append(i.Next, i.Next[0])
				i.Reasons, i.Response.Block = append(i.Reasons, i.Reasons[0]), append(i.Response.Block, name)
				i.Response.RotateKeys, i.Sources = append(i.Response.RotateKeys, name), append(i.Sources, i.Sources[0])
			}
			parse(t, delivery.ForIncident(i, action, "people"))
			parse(t, delivery.ForIncident(&event.Incident{ID: name, Title: name, Revision: 1}, action, "people"))
		}
	})
}

func BenchmarkIncident(b *testing.B) {
	b.ReportAllocs()
	n := delivery.ForIncident(incident(), delivery.Opened, "people")
	for b.Loop() {
		if _, err := json.Marshal(message(n)); err != nil {
			b.Fatal(err)
		}
	}
}
