package console

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"

	"headstart/cli/clitest"
	"headstart/event"
	"headstart/term"
)

// lifeOfIncidents returns the revisions of an incident, and of one that is not
// notified.
func lifeOfIncidents() []*event.Incident {
	n := uint64(0)
	revision := func(minutes int, change func(*event.Incident)) *event.Incident {
		n++
		return clitest.Incident("051f4dfe077aef33f9a110f6", func(i *event.Incident) {
			at := half.Add(time.Duration(minutes) * time.Minute)
			i.Revision, i.At, i.OpenedAt, i.NotifiedAt, i.LastActivityAt = n, at, half, half.Add(time.Minute), at
			i.State = event.IncidentUpdated
			i.Sources = []event.Address{clitest.Address("203.0.113.7")}
			i.Timeline = []event.TimelineEntry{
				{At: half, Host: "web-01", Text: "SSH from where nobody came from: 203.0.113.7 → web-01:22", Alert: "a"},
				{At: half.Add(time.Minute), Text: "notified: risk score 90 reached 60"},
				{At: half.Add(time.Minute), Host: "web-01", Text: "A long session: web-01 → db-01:5432", Alert: "b"},
			}
			change(i)
		})
	}
	grow := func(i *event.Incident) {
		i.Grown, i.Severity = "now critical", event.Critical
		i.Title = "web-01 reached db-01, files-01: Chain of unusual connections from host to host"
		i.Hosts, i.Parts = append(i.Hosts, "files-01"), append(i.Parts, event.HostPart{Host: "files-01", Part: event.Pivot})
		for n := range 3 {
			i.Timeline = append(i.Timeline, event.TimelineEntry{At: i.At.Add(time.Duration(n) * time.Second), Host: "web-01", Text: fmt.Sprintf("Step %d", n+1), Alert: "c"})
		}
	}
	kept := clitest.Incident("99999999077aef33f9a110f6", func(i *event.Incident) {
		i.Notified, i.NotifiedAt, i.Title, i.Severity, i.Score, i.Missed, i.At = false, time.Time{}, "web-02: Seldom", event.Low, 20, 40, half
	})
	again := *kept
	again.Revision, again.At = 2, half.Add(time.Minute)
	return []*event.Incident{
		kept, &again,
		revision(0, func(i *event.Incident) { i.Notified, i.NotifiedAt, i.State = false, time.Time{}, event.IncidentOpen }),
		revision(1, func(*event.Incident) {}),
		revision(2, func(*event.Incident) {}), // nothing new
		revision(50, grow),
		revision(200, func(i *event.Incident) { i.State = event.IncidentQuiet }),
		revision(201, func(i *event.Incident) { i.State = event.IncidentQuiet }), // nothing new
		revision(300, func(i *event.Incident) {}),                                // again
		revision(500, func(i *event.Incident) { i.State = event.IncidentQuiet }),
		revision(1700, func(i *event.Incident) { i.State = event.IncidentResolved }),
		clitest.Incident("77777777077aef33f9a110f6", func(i *event.Incident) {
			i.Revision, i.At, i.MergedInto, i.State = 3, half.Add(1701*time.Minute), "051f4dfe077aef33f9a110f6", event.IncidentResolved
		}),
	}
}

func TestIncidentsOnTheConsole(t *testing.T) {
	for _, tt := range []struct {
		file string
		page term.Page
	}{
		{"incidents.txt", term.Page{}},
		{"incidents-80-columns.txt", term.Page{Columns: 80}},
		{"incidents-40-columns.txt", term.Page{Columns: 40}},
		{"incidents-in-colour.txt", term.Page{Columns: 100, Colour: true}},
	} {
		t.Run(tt.file, func(t *testing.T) {
			c, out := testConsole(tt.page)
			for _, i := range lifeOfIncidents() {
				c.Incident(i)
			}
			clitest.Golden(t, tt.file, out.String())
		})
	}
}

func TestJSONIncidentIsTheIncident(t *testing.T) {
	c, out := testConsole(term.Page{})
	c.json = true
	for _, want := range lifeOfIncidents() {
		out.Reset()
		c.Incident(want)
		if !strings.HasPrefix(out.String(), `{"type":"incident","id":`) {
			t.Errorf("got %s", out)
		}
		got, err := event.DecodeIncident(out.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		wantData, _ := json.Marshal(want)
		if gotData, _ := json.Marshal(got); string(gotData) != string(wantData) {
			t.Errorf("got\n%s\nwant\n%s", gotData, wantData)
		}
	}
}

func TestShownIncidentsAreBounded(t *testing.T) {
	c, _ := testConsole(term.Page{})
	for n := range maxShown + 100 {
		c.Incident(clitest.Incident(fmt.Sprintf("%08d", n), nil))
	}
	if len(c.shown) != maxShown {
		t.Errorf("%d remembered, want %d", len(c.shown), maxShown)
	}
}

func TestHostileIncidentsDoNotMoveTheCursor(t *testing.T) {
	const hostile = "web\x1b[2J\x1b]0;owned\a\r\n12:00:00  \u009b1A\u202e"
	i := clitest.Incident(hostile, func(i *event.Incident) {
		i.Title, i.Grown, i.MergedInto, i.Hosts[0], i.Parts[0].Host, i.Timeline[0].Text = hostile, hostile, "", hostile, hostile, hostile
	})
	for _, asJSON := range []bool{false, true} {
		c, out := testConsole(term.Page{Colour: true, Columns: 80})
		c.json = asJSON
		c.Incident(i)
		text := styles.ReplaceAllString(out.String(), "")
		for at, r := range text {
			if !unicode.IsPrint(r) && r != '\n' {
				t.Fatalf("%U at %d of %q", r, at, text)
			}
		}
	}
}
