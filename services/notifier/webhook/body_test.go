package webhook

import (
	"encoding/json"
	"strings"
	"testing"

	"headstart/event"
	"headstart/services/notifier/delivery"
)

func TestBodyWithoutTemplateIsTheAlertsJSON(t *testing.T) {
	for _, s := range samples() {
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
	least := samples()[1].notification
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
			b, err := ParseBody(c.template, c.contentType)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := b.render(least); err != nil || string(got) != c.want {
				t.Errorf("%s, %v; want %s", got, err, c.want)
			}
		})
	}
	t.Run("everything as JSON is the body without a template", func(t *testing.T) {
		b, err := ParseBody(`{{json .}}`, "application/json")
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

func compact(v any) string {
	out, _ := json.Marshal(v)
	return string(out)
}

func TestTemplateErrorsAreFoundWhenRead(t *testing.T) {
	for name, c := range map[string]struct{ template, contentType, want string }{
		"syntax":              {"{\n{{if}}", "application/json", "body:2"},
		"unknown function":    {`{{env "HOME"}}`, "text/plain", `function "env" not defined`},
		"unknown field":       {`{{.Titel}}`, "text/plain", "Titel"},
		"JSON name":           {`{{.title}}`, "text/plain", "title"},
		"field of no peer":    {`{{json .Peer.Host}}`, "application/json", "no peer"},
		"first of no rows":    {`{{json (index .Evidence 0)}}`, "application/json", "no evidence"},
		"text without quotes": {`{"title": "{{.Title}}"}`, "application/json", "json .Title"},
		"endless":             {`{{range 2000000}}a{{end}}`, "text/plain", "1 MiB"},
		"calls itself":        {`{{define "a"}}{{template "a"}}{{end}}{{template "a"}}`, "text/plain", "depth"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ParseBody(c.template, c.contentType); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want it to say %q", err, c.want)
			}
		})
	}
}

func TestBodyIsLimited(t *testing.T) {
	n := delivery.ForAlert(&event.Alert{Title: strings.Repeat("x", maxBody)}, "soc")
	title, err := ParseBody("{{.Title}}", "text/plain")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := title.render(n); err != nil || len(got) != maxBody {
		t.Errorf("%d bytes, %v; want 1 MiB to be allowed", len(got), err)
	}
	more, err := ParseBody("{{.Title}}.", "text/plain")
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
	n := samples()[0].notification
	for b.Loop() {
		if _, err := (*Body)(nil).render(n); err != nil {
			b.Fatal(err)
		}
	}
}
