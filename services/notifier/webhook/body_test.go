package webhook

import (
	"encoding/json"
	"strings"
	"testing"

	"headstart/event"
	"headstart/services/notifier/delivery"
)

// What a template can be used for.
var (
	alerts    = delivery.Kinds{Alerts: true}
	incidents = delivery.Kinds{Incidents: true}
	both      = delivery.Kinds{Incidents: true, Alerts: true}
)

func TestBodyWithoutTemplateIsTheIncidentsJSON(t *testing.T) {
	for _, s := range samples(incidents) {
		body, err := (*Body)(nil).render(s.notification)
		if err != nil {
			t.Fatal(err)
		}
		var got struct{ Type, Action string }
		if err := json.Unmarshal(body, &got); err != nil {
			t.Fatalf("%v in %s", err, body)
		}
		again, err := event.DecodeIncident(body)
		if err != nil {
			t.Fatal(err)
		}
		decoded, _ := event.EncodeIncident(again)
		want, _ := event.EncodeIncident(s.notification.Incident)
		if got.Type != "incident" || got.Action != string(s.notification.Action) || string(decoded) != string(want) {
			t.Errorf("body %s, want type incident, action %v and %s", body, s.notification.Action, want)
		}
	}
}

func TestBodyWithoutTemplateIsTheAlertsJSON(t *testing.T) {
	for _, s := range samples(alerts) {
		body, err := (*Body)(nil).render(s.notification)
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Type string `json:"type"`
			event.Alert
		}
		if err := json.Unmarshal(body, &got); err != nil {
			t.Fatalf("%v in %s", err, body)
		}
		again, _ := json.Marshal(got.Alert)
		want, _ := event.EncodeAlert(s.notification.Alert)
		if got.Type != "alert" || string(again) != string(want) {
			t.Errorf("body %s, want type alert and %s", body, want)
		}
	}
}

func TestTemplate(t *testing.T) {
	least := samples(alerts)[1].notification
	least.Alert.Title, least.Alert.Attack = `say "x" & <y>`, []string{"T1021", "T1570"}
	for name, c := range map[string]struct{ template, contentType, want string }{
		"fields":           {`{{.Type}} {{.Severity}} {{.Host}}:{{.Connection.Port}} {{.Connection.State}} {{.Connection.Source}}`, "text/plain", "alert info web-01:445 LISTEN 10.1.1.10"},
		"json of a string": {`{"t": {{json .Title}}}`, "application/json", `{"t": "say \"x\" & <y>"}`},
		"json of a list":   {`{{json .Attack}}`, "application/problem+json; charset=utf-8", `["T1021","T1570"]`},
		"join and case":    {`{{.Attack | join ", " | lower}} {{upper "soc"}}`, "text/plain", "t1021, t1570 SOC"},
		"guarded peer":     {`{{with .Peer}}{{.Host}}{{else}}nobody{{end}}`, "text/plain", "nobody"},
		"time":             {`{{.At.Format "15:04"}}`, "text/plain", "15:16"},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := ParseBody(c.template, c.contentType, alerts)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := b.render(least); err != nil || string(got) != c.want {
				t.Errorf("%s, %v; want %s", got, err, c.want)
			}
		})
	}
	t.Run("everything as JSON is the body without a template", func(t *testing.T) {
		b, err := ParseBody(`{{json .}}`, "application/json", both)
		if err != nil {
			t.Fatal(err)
		}
		var got, want any
		body, _ := b.render(least)
		plain, _ := (*Body)(nil).render(least)
		if json.Unmarshal(body, &got) != nil || json.Unmarshal(plain, &want) != nil {
			t.Fatalf("not JSON: %s, %s", body, plain)
		}
		if a, b := compact(got), compact(want); a != b {
			t.Errorf("%s, want %s", a, b)
		}
	})
}

func TestTemplateForIncidents(t *testing.T) {
	full := samples(incidents)[0].notification
	for name, c := range map[string]struct {
		template string
		of       delivery.Kinds
		want     string
	}{
		"fields":        {`{{.Type}} {{.Action}} {{.ID}} {{.Revision}} {{.Severity}} {{.State}} {{printf "%.1f" .Score}}`, incidents, "incident opened sample 2 critical updated 12.5"},
		"lists":         {`{{range .Path}}{{.Source}} {{.Destination}} {{.Port}}{{end}}{{range .Parts}} {{.Part}}{{end}}`, incidents, "10.1.1.10 10.1.5.10 445 pivot"},
		"both in one":   {`{{if eq .Type "incident"}}{{.Action}} {{.Rules | join ","}}{{else}}{{.Rule}}{{end}}`, both, "opened sample"},
		"what is there": {`{{with .Grown}}grown{{end}}`, incidents, "grown"},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := ParseBody(c.template, "text/plain", c.of)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := b.render(full); err != nil || string(got) != c.want {
				t.Errorf("%s, %v; want %s", got, err, c.want)
			}
		})
	}
}

func compact(v any) string {
	out, _ := json.Marshal(v)
	return string(out)
}

func TestParseBodyFindsTemplateErrors(t *testing.T) {
	for name, c := range map[string]struct {
		template, contentType string
		of                    delivery.Kinds
		want                  string
	}{
		"syntax":              {"{\n{{if}}", "application/json", alerts, "body:2"},
		"unknown function":    {`{{env "HOME"}}`, "text/plain", alerts, `function "env" not defined`},
		"unknown field":       {`{{.Titel}}`, "text/plain", alerts, "Titel"},
		"JSON name":           {`{{.title}}`, "text/plain", alerts, "title"},
		"field of no peer":    {`{{json .Peer.Host}}`, "application/json", alerts, "no peer"},
		"first of no rows":    {`{{json (index .Evidence 0)}}`, "application/json", alerts, "no evidence"},
		"text without quotes": {`{"title": "{{.Title}}"}`, "application/json", alerts, "json .Title"},
		"endless":             {`{{range 2000000}}a{{end}}`, "text/plain", alerts, "1 MiB"},
		"calls itself":        {`{{define "a"}}{{template "a"}}{{end}}{{template "a"}}`, "text/plain", alerts, "depth"},
		"an alert's field":    {`{{.Connection.Port}}`, "text/plain", incidents, "sample incident that has every field"},
		"an incident's":       {`{{.Score}}`, "text/plain", both, "sample alert that has every field"},
		"first of no path":    {`{{(index .Path 0).Port}}`, "text/plain", incidents, "sample incident that has no hosts"},
		"for both":            {`{"to": "{{.Title}}"}`, "application/json", both, "sample incident that has every field: not valid JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ParseBody(c.template, c.contentType, c.of); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want it to say %q", err, c.want)
			}
		})
	}
}

func TestBodyIsLimited(t *testing.T) {
	n := delivery.ForAlert(&event.Alert{Title: strings.Repeat("x", maxBody)}, "soc")
	title, err := ParseBody("{{.Title}}", "text/plain", both)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := title.render(n); err != nil || len(got) != maxBody {
		t.Errorf("%d bytes, %v; want 1 MiB to be allowed", len(got), err)
	}
	more, err := ParseBody("{{.Title}}.", "text/plain", both)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]*Body{"template": more, "JSON": nil} {
		if got, err := b.render(n); err == nil {
			t.Errorf("%s: %d bytes without an error", name, len(got))
		}
	}
}

func BenchmarkBody(b *testing.B) {
	b.ReportAllocs()
	n := samples(both)[0].notification
	for b.Loop() {
		if _, err := (*Body)(nil).render(n); err != nil {
			b.Fatal(err)
		}
	}
}
