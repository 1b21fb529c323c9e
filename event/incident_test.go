package event_test

import (
	"strings"
	"testing"
	"time"

	"headstart/event"
)

func TestIncidentSurvivesTheWire(t *testing.T) {
	at := time.Date(2025, 6, 5, 15, 47, 12, 0, time.UTC)
	want := &event.Incident{
		ID: "b3", Revision: 2, State: event.IncidentUpdated, Severity: event.Critical, Score: 120, Notified: true,
		OpenedAt: at.Add(-time.Hour), NotifiedAt: at, LastActivityAt: at, At: at,
		Hosts: []string{"web-01"}, Parts: []event.HostPart{{Host: "web-01", Part: event.Pivot, Since: at}},
		Alerts: []string{"a"}, Path: []event.PathEdge{{At: at, Source: event.AddressFrom4(0x0a01010a), Destination: event.AddressFrom4(0x0a01050a), Port: 445}},
	}
	data, err := event.EncodeIncident(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := event.DecodeIncident(data)
	if err != nil {
		t.Fatal(err)
	}
	again, err := event.EncodeIncident(got)
	if err != nil || string(again) != string(data) {
		t.Errorf("%s became %s, %v", data, again, err)
	}
	for _, part := range []string{`"state":"updated"`, `"part":"pivot"`, `"source":"10.1.1.10"`, `"at":"2025-06-05T15:47:12Z"`} {
		if !strings.Contains(string(data), part) {
			t.Errorf("no %s in %s", part, data)
		}
	}
	if got.MessageID() != "b3/2" || event.IncidentSubject(got.ID) != "incident.b3" {
		t.Errorf("id %s, subject %s", got.MessageID(), event.IncidentSubject(got.ID))
	}
}

func TestDecodeIncidentRejects(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON":             `{`,
		"no id":               `{"revision":1}`,
		"no revision":         `{"id":"a"}`,
		"unknown state":       `{"id":"a","revision":1,"state":"closed"}`,
		"hosts without parts": `{"id":"a","revision":1,"hosts":["web-01"]}`,
		"unknown part":        `{"id":"a","revision":1,"hosts":["a"],"parts":[{"host":"a","part":"friend"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			if i, err := event.DecodeIncident([]byte(text)); err == nil {
				t.Errorf("decoded %+v", i)
			}
		})
	}
}

func FuzzDecodeIncident(f *testing.F) {
	f.Add([]byte(`{"id":"a","revision":1,"state":"open","hosts":["a"],"parts":[{"host":"a","part":"entry"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		i, err := event.DecodeIncident(data)
		if err != nil {
			return
		}
		if len(i.Hosts) != len(i.Parts) || i.ID == "" {
			t.Errorf("accepted %s", data)
		}
	})
}
