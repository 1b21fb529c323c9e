package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"headstart/cli/clitest"
	"headstart/cli/cmdutil"
	"headstart/cli/console"
	"headstart/event"
	"headstart/lab/demo"
	"headstart/lab/scenario"
	"headstart/term"
)

// nothingLeft makes the test fail if files or goroutines are left after it.
func nothingLeft(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Cleanup(func() {
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
		if left := running(30 * time.Second); left != "" {
			t.Errorf("still running:\n%s", left)
		}
	})
}

var ours = regexp.MustCompile(`headstart/(bus|services|lab/demo)|nats-server/v2/server\.|nats\.go\.\(`)

// running returns the stacks of what is still running of a pipeline after so
// long.
func running(patience time.Duration) string {
	for end := time.Now().Add(patience); ; runtime.Gosched() {
		all := make([]byte, 4<<20)
		all = all[:runtime.Stack(all, true)]
		stacks := slices.DeleteFunc(strings.Split(string(all), "\n\n"), func(s string) bool { return !ours.MatchString(s) })
		if len(stacks) == 0 || time.Now().After(end) {
			return strings.Join(stacks, "\n\n")
		}
	}
}

// both is the demonstration as a person in front of a pipe gets it, and as a
// program does, of one run.
type both struct{ text, lines screen }

func (b both) Learning(at time.Time, part float64) {
	b.text.Learning(at, part)
	b.lines.Learning(at, part)
}

func (b both) Clock(at time.Time) { b.text.Clock(at); b.lines.Clock(at) }

func (b both) Show(e demo.Event) int { b.lines.Show(e); return b.text.Show(e) }

func (b both) interactive() bool { return b.text.interactive() || b.lines.interactive() }

func (b both) begin() { b.text.begin(); b.lines.begin() }

func (b both) end(o *demo.Outcome, took time.Duration) { b.text.end(o, took); b.lines.end(o, took) }

func (b both) kept(url string, o *demo.Outcome) { b.text.kept(url, o); b.lines.kept(url, o) }

func TestDemo(t *testing.T) {
	nothingLeft(t)
	var text, lines, errs bytes.Buffer
	o := options{seed: 1}
	of := scenario.New(o.seed)
	screens := both{text: o.screen(&text, &errs, of)}
	o.output = cmdutil.JSONOutput()
	screens.lines = o.screen(&lines, &errs, of)
	if err := o.run(t.Context(), of, screens, &errs); err != nil {
		t.Fatalf("%v\n%s", err, &text)
	}
	if errs.Len() > 0 {
		t.Errorf("it has to complain:\n%s", &errs)
	}
	t.Run("as text", func(t *testing.T) { checkDemoText(t, text.String()) })
	t.Run("as JSON", func(t *testing.T) { checkDemoLines(t, lines.String()) })
}

func checkDemoText(t *testing.T, out string) {
	line := regexp.MustCompile(`(?m)^(\d\d:\d\d:\d\d)  (\w+) +(.*)$`)
	var times, who []string
	for _, m := range line.FindAllStringSubmatch(out, -1) {
		if times = append(times, m[1]); m[2] == "company" || m[2] == "attacker" || m[2] == "SIEM" {
			who = append(who, m[1]+" "+m[2])
		}
	}
	if !slices.IsSorted(times) {
		t.Errorf("the times go back: %v", times)
	}
	for _, want := range []string{"10:40:00 company", "14:30:00 attacker", "14:30:23 attacker", "15:15:41 attacker", "15:47:12 attacker", "16:22:08 attacker", "17:30:00 SIEM"} {
		if !slices.Contains(who, want) {
			t.Errorf("no %q among %q", want, who)
		}
	}
	rest := out
	for _, want := range []string{
		"A normal Thursday", "learned the baseline from Monday to Wednesday", "Thursday, 5 June 2025",
		"logs in to web-01 by SSH from 203.0.113.7", "opens a session on db-01", "incident opened", "web-01 (entry), db-01 (target)",
		"closes it after 847 s", "tries 60 addresses", "is on fs-01", "fs-01 → dc-01:3389", "raises its first alarm",
		"Steps of the attack, and when they were notified",
		"SSH compromise of web-01          14:30:00  14:3", "database session on db-01, 847 s  14:30:23  14:3",
		"SMB reconnaissance                15:15:41  15:1", "move to the file server fs-01     15:47:12  15:4",
		"RDP to the domain controller      16:22:08  16:2", "the SIEM's first alarm            17:30:00",
		"Head start over the SIEM: 2 h 5", "Recommended response, in short", "nft add rule inet headstart input ip saddr 203.0.113.7 counter drop",
		"db-01:5432", "of 9 hosts", "1 notified, in ",
	} {
		_, after, ok := strings.Cut(rest, want)
		if !ok {
			t.Fatalf("no %q, where it belongs, in\n%s", want, out)
		}
		rest = after
	}
	for _, bad := range []string{"never ", "\x1b", "\r"} {
		if strings.Contains(out, bad) {
			t.Errorf("%q in the output:\n%s", bad, out)
		}
	}
}

func checkDemoLines(t *testing.T, out string) {
	all := strings.Split(strings.TrimSpace(out), "\n")
	var last *event.Incident
	var previous time.Time
	types := map[string]int{}
	for _, line := range all {
		var typed struct {
			Type string    `json:"type"`
			At   time.Time `json:"at"`
		}
		if err := json.Unmarshal([]byte(line), &typed); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		types[typed.Type]++
		if typed.Type == "summary" {
			continue
		}
		if typed.At.Before(previous) {
			t.Errorf("%s comes after %s", typed.At, previous)
		}
		previous = typed.At
		if typed.Type != "incident" {
			continue
		}
		i, err := event.DecodeIncident([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		if i.Notified {
			last = i
		}
	}
	if last == nil || types["story"] < 15 || types["alert"] == 0 || types["summary"] != 1 {
		t.Fatalf("lines by type: %v; notified: %v", types, last)
	}
	if !slices.ContainsFunc(last.Timeline, func(e event.TimelineEntry) bool { return strings.Contains(e.Text, "polled every 10s") }) {
		t.Errorf("no host was asked to poll faster: %v", last.Timeline)
	}
	var summary struct {
		Notified int     `json:"notified"`
		Incident string  `json:"incident"`
		Ahead    float64 `json:"head_start_seconds"`
		Steps    []struct {
			Name       string    `json:"name"`
			At         time.Time `json:"at"`
			NotifiedAt time.Time `json:"told_at"`
		} `json:"steps"`
	}
	if err := json.Unmarshal([]byte(all[len(all)-1]), &summary); err != nil {
		t.Fatal(err)
	}
	if summary.Notified != 1 || summary.Incident != last.ID || summary.Ahead < (150*time.Minute).Seconds() || len(summary.Steps) != 5 {
		t.Errorf("summary: %+v", summary)
	}
	for k, step := range summary.Steps {
		late := 5 * time.Minute
		if k >= 2 {
			late = time.Minute // by then they look every 10 s, or 30
		}
		if after := step.NotifiedAt.Sub(step.At); after < 0 || after > late {
			t.Errorf("%s at %s, notified at %s", step.Name, step.At, step.NotifiedAt)
		}
	}
	for _, want := range []struct {
		from, to string
		port     uint16
	}{
		{"", "web-01", 22}, {"web-01", "db-01", 5432}, {"web-01", "fs-01", 445}, {"fs-01", "dc-01", 3389},
	} {
		if !slices.ContainsFunc(last.Path, func(e event.PathEdge) bool {
			return e.SourceHost == want.from && e.DestinationHost == want.to && e.Port == want.port
		}) {
			t.Errorf("%v is not on the path %v", want, last.Path)
		}
	}
}

// interrupted interrupts the demonstration while it learns.
type interrupted struct {
	screen
	interrupt func()
}

func (i interrupted) Learning(at time.Time, part float64) {
	if part > 0.1 {
		i.interrupt()
	}
	i.screen.Learning(at, part)
}

func TestDemoEndsWithCtrlC(t *testing.T) {
	nothingLeft(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out bytes.Buffer
	o := options{seed: 1}
	of := scenario.New(o.seed)
	if err := o.run(ctx, of, interrupted{o.screen(&out, &out, of), cancel}, &out); err != nil {
		t.Errorf("it ends with %v", err)
	}
	if out := out.String(); !strings.Contains(out, "A normal Thursday") || strings.Contains(out, "Steps of the attack") || strings.Contains(out, "level=") {
		t.Errorf("output:\n%s", out)
	}
}

func TestDemoMistakes(t *testing.T) {
	dir := t.TempDir()
	clitest.WriteFile(t, filepath.Join(dir, "mine"), "precious")
	for _, tt := range []struct {
		name, want string
		args       []string
	}{
		{"a directory that holds something", "want a directory that is new or empty", []string{"--keep", dir}},
		{"a directory that is a file", "--keep", []string{"--keep", filepath.Join(dir, "mine")}},
		{"an unknown output", `--output "xml": want text or json`, []string{"--output", "xml"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, err := clitest.Execute(t, clitest.Root(NewCommand()), append([]string{"demo", "--fast"}, tt.args...)...)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(out, "learned") {
				t.Errorf("got %v\n%s", err, out)
			}
		})
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("the directory holds %v, %v", entries, err)
	}
}

func TestDemoEnd(t *testing.T) {
	of := scenario.New(1)
	at := func(clock string) time.Time {
		when, err := time.Parse(time.DateTime, "2025-06-05 "+clock)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	o := &demo.Outcome{Hosts: 9, Snapshots: 23308, Connections: 86192, Alerts: 103, Incidents: 2, Notified: 1}
	notified := []time.Time{at("14:31:44"), at("14:31:44"), at("15:15:49"), {}, at("16:22:34")}
	for k, step := range of.Published() {
		o.Steps = append(o.Steps, demo.StepOutcome{Step: step, NotifiedAt: notified[k]})
	}
	end := func(columns int) string {
		var out bytes.Buffer
		screen := (&options{seed: 1}).screen(&out, &out, of).(*text)
		screen.Page = func() term.Page { return term.Page{Columns: columns, Margin: console.TextColumn} }
		screen.end(o, 52*time.Second)
		return out.String()
	}
	clitest.Golden(t, "demo-not-notified.txt", end(0))
	o.HeadStart = of.SIEM.At.Sub(notified[0])
	o.Incident = &event.Incident{
		ID: "4f80ca23b54fba076bb10413", Sources: []event.Address{clitest.Address("203.0.113.7")},
		Parts: []event.HostPart{{Host: "web-01", Part: event.Entry}, {Host: "fs-01", Part: event.Pivot}, {Host: "db-01", Part: event.Target}},
		Response: event.Response{
			Block: []string{
				"nft add table inet headstart", "nft add chain inet headstart input '{ type filter hook input priority -10 ; }'",
				"nft add rule inet headstart input ip saddr 203.0.113.7 counter drop",
				"nft add rule inet headstart input ip saddr 10.1.1.10 counter drop",
			},
			RotateKeys: []string{"web-01"}, RotateCredentials: []string{"db-01:5432"},
			Segment: []string{"web-01 → db-01:5432", "web-01 → fs-01:445", "fs-01 → dc-01:3389", "dc-01 → app-01:22"},
		},
	}
	clitest.Golden(t, "demo-end.txt", end(0))
	clitest.Golden(t, "demo-end-60-columns.txt", end(60))
}
