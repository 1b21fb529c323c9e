package slack

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"headstart/event"
	"headstart/services/notifier/delivery"
)

func alert() *event.Alert {
	at := time.Date(2025, 6, 5, 15, 16, 0, 0, time.UTC)
	most := event.Seconds(30 * time.Second)
	web, files := event.AddressFrom4(0x0a01010a), event.AddressFrom4(0x0a01050a)
	return &event.Alert{
		ID: "9f86d081884c7d659a2feaa0", Rule: "smb-from-web", Severity: event.High,
		Title:       "SMB from a web server",
		Description: "Web servers here have no reason to mount shares.",
		Guide:       "1. Who is logged in on web-01?\n2. Block 10.1.1.10 → port 445.",
		Attack:      []string{"T1021.002", "T1570", "TA0008"},
		At:          at, Host: "web-01", Roles: []string{"web"},
		Connection: event.AlertConnection{
			Direction: event.Outbound, DirectionFrom: event.FromHandshake,
			Source: web, Destination: files, Port: 445, State: event.SynSent, UID: 33,
			OpenedAfter: at.Add(-30 * time.Second), OpenedBefore: at, AgeMax: &most,
		},
		Peer:     &event.AlertPeer{Address: files, Host: "file-01", Roles: []string{"file-server"}, Internal: true},
		Evidence: []event.Evidence{{At: at, Source: web, Destination: files, Port: 445, State: event.SynSent}},
		Snapshot: "web-01/boot/run/7",
	}
}

func render(t testing.TB, n delivery.Notification) []byte {
	t.Helper()
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(message(n)); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestMessage(t *testing.T) {
	want, err := os.ReadFile("testdata/message.json")
	if err != nil {
		t.Fatal(err)
	}
	if got := render(t, delivery.ForAlert(alert(), "people")); !bytes.Equal(got, want) {
		t.Errorf("message:\n%s\nwant testdata/message.json", got)
	}
}

// parse reads a message as the server does and holds it to the same limits.
func parse(t testing.TB, n delivery.Notification) posting {
	t.Helper()
	var p posting
	if err := json.Unmarshal(render(t, n), &p); err != nil {
		t.Fatal(err)
	}
	if err := p.check(); err != nil {
		t.Errorf("Slack rejects: %v", err)
	}
	return p
}

func parseAlert(t testing.TB, a *event.Alert) posting {
	t.Helper()
	return parse(t, delivery.ForAlert(a, "people"))
}

func (p posting) field(label string) string {
	for _, b := range p.Attachments[0].Blocks {
		for _, f := range b.Fields {
			if value, ok := strings.CutPrefix(f.Text, "*"+label+"*\n"); ok {
				return value
			}
		}
	}
	return ""
}

func TestFields(t *testing.T) {
	hour := event.Seconds(time.Hour)
	for name, c := range map[string]struct {
		change      func(*event.Alert)
		label, want string
	}{
		"host with roles":      {func(a *event.Alert) { a.Roles = []string{"web", "edge"} }, "Host", "web-01 (web, edge)"},
		"host without roles":   {func(a *event.Alert) { a.Roles = nil }, "Host", "web-01"},
		"host without a name":  {func(a *event.Alert) { a.Host, a.Roles = "", nil }, "Host", "unknown"},
		"connection over IPv6": {func(a *event.Alert) { a.Connection.Destination = event.Address{Hi: 0x20010db8 << 32, Lo: 1} }, "Connection", "10.1.1.10 → [2001:db8::1]:445, outbound"},
		"listening socket": {func(a *event.Alert) {
			a.Connection = event.AlertConnection{State: event.Listen, Port: 4444}
			a.Peer = nil
		}, "Connection", "listens on [::]:4444"},
		"no peer":       {func(a *event.Alert) { a.Peer = nil }, "Peer", ""},
		"external peer": {func(a *event.Alert) { a.Peer = &event.AlertPeer{Address: event.AddressFrom4(0xcb007107)} }, "Peer", "203.0.113.7, external"},
		"closed":        {func(a *event.Alert) { a.Connection.State, a.Connection.Reason = event.TimeWait, event.TimedWait }, "State", "TIME_WAIT, closed: time-wait"},
		"age between bounds": {func(a *event.Alert) {
			a.Connection.AgeMin = event.Seconds(847 * time.Second)
			a.Connection.AgeMax = &hour
		}, "Age", "14m7s to 1h0m0s"},
		"age without a limit": {func(a *event.Alert) { a.Connection.AgeMin, a.Connection.AgeMax = hour, nil }, "Age", "at least 1h0m0s"},
		"short age":           {func(a *event.Alert) { a.Connection.AgeMin, a.Connection.AgeMax = event.Seconds(123456789), nil }, "Age", "at least 120ms"},
		"incident":            {func(a *event.Alert) { a.Incident = "i-1" }, "Incident", "i-1"},
		"unknown technique":   {func(a *event.Alert) { a.Attack = []string{"T1021|<!here>", "CAPEC-1"} }, "ATT&amp;CK", "T1021|&lt;!here&gt;, CAPEC-1"},
		"many techniques":     {func(a *event.Alert) { a.Attack = make([]string, 1000) }, "ATT&amp;CK", strings.Repeat(", ", 10) + "990 more"},
	} {
		t.Run(name, func(t *testing.T) {
			a := alert()
			c.change(a)
			if got := parseAlert(t, a).field(c.label); got != c.want {
				t.Errorf("%s: %q, want %q", c.label, got, c.want)
			}
		})
	}
}

func TestEverySeverityHasItsOwnColour(t *testing.T) {
	seen := map[string]event.Severity{}
	for severity := event.Info; severity <= event.Critical; severity++ {
		a := alert()
		a.Severity = severity
		p := parseAlert(t, a)
		if was, ok := seen[p.Attachments[0].Color]; ok {
			t.Errorf("%v looks like %v", severity, was)
		}
		seen[p.Attachments[0].Color] = severity
		if got, want := p.Blocks[0].Text.Text, strings.ToUpper(severity.String())+": SMB from a web server"; got != want {
			t.Errorf("header %q, want %q", got, want)
		}
	}
}

// hostile are names that a host under an intruder's control could report.
var hostile = []string{
	"<!channel> <!here|here> <@U024BE7LH> <#C024BE7LR>",
	"<https://evil.example|click here>",
	"https://evil.example/",
	"@channel #general",
	"a&b &lt;!channel&gt; &amp;lt;",
	"web-01\n*State*\nESTABLISHED\r\n> quote\u2028line\u2029paragraph\vtab\u0085",
	"\u202egnp.exe\u2066 \x1b[31m\x00",
	"\xff\xfe\xc0<!here>",
	strings.Repeat("<", 5000),
	strings.Repeat("é\U0001F600", 5000),
	strings.Repeat("&amp;", 5000),
	"```*_~",
	" \t\n",
}

func TestHostileNamesStayText(t *testing.T) {
	for _, name := range hostile {
		a := alert()
		a.Host, a.Title, a.Rule, a.ID, a.Incident, a.Description, a.Guide = name, name, name, name, name, name, name
		a.Roles, a.Attack = []string{name, name}, []string{name, name}
		a.Peer.Host, a.Peer.Roles = name, a.Roles
		p := parseAlert(t, a)
		for _, s := range []string{p.Text, p.Attachments[0].Fallback} {
			if strings.ContainsAny(s, "<>\n\u202e\u2028") {
				t.Errorf("%.60q: fallback text %q", name, s)
			}
		}
		for _, label := range []string{"Host", "Peer", "Rule", "Incident", "ATT&amp;CK"} {
			if got := p.field(label); strings.ContainsAny(got, "<>\n\r\v\u0085\u2028\u2029\u202e\u2066\x00\x1b") {
				t.Errorf("%.60q: %s is %q", name, label, got)
			}
		}
	}
}

func FuzzMessage(f *testing.F) {
	for _, name := range hostile {
		f.Add(name, "T1021.002", uint8(3))
	}
	f.Fuzz(func(t *testing.T, name, technique string, severity uint8) {
		a := alert()
		a.Severity = event.Severity(severity)
		a.Host, a.Title, a.Rule, a.ID, a.Incident, a.Description, a.Guide = name, name, name, name, name, name, name
		a.Roles, a.Attack = []string{name}, []string{technique, name}
		a.Peer.Host = name
		parseAlert(t, a)
	})
}

func TestClip(t *testing.T) {
	for _, c := range []struct {
		in    string
		limit int
		want  string
	}{
		{"", 5, ""},
		{"abcde", 5, "abcde"},
		{"abcdef", 5, "abcd…"},
		{"a&b", 7, "a&amp;b"},
		{"a&bc", 7, "a&amp;…"},
		{"ab&c", 7, "ab…"},
		{"ééééé", 5, "ééééé"},
		{"\U0001F600\U0001F600\U0001F600", 5, "\U0001F600\U0001F600…"},
		{"\U0001F600\U0001F600\U0001F600", 4, "\U0001F600…"},
	} {
		if got := clip(c.in, c.limit); got != c.want {
			t.Errorf("clip(%q, %d) = %q, want %q", c.in, c.limit, got, c.want)
		}
	}
}

func BenchmarkMessage(b *testing.B) {
	b.ReportAllocs()
	n := delivery.ForAlert(alert(), "people")
	for b.Loop() {
		if _, err := json.Marshal(message(n)); err != nil {
			b.Fatal(err)
		}
	}
}
