package score

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"headstart/lab/simulate"
)

func at(t testing.TB, clock string) time.Time {
	t.Helper()
	v, err := time.Parse(time.DateTime, "2025-06-"+clock)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// truth is a company with three hosts: 10.0.0.1 and 10.0.0.2 are monitored,
// 10.0.0.9 is not.
func truth(t testing.TB) *simulate.Truth {
	step := func(begins, ends, kind, source, destination string, port uint16, state, history string) simulate.Step {
		monitored := func(a string) bool { return a == "10.0.0.1" || a == "10.0.0.2" }
		inside := func(a string) bool { return strings.HasPrefix(a, "10.") }
		return simulate.Step{
			At: at(t, begins), Until: at(t, ends), Source: source, Destination: destination, Port: port,
			State: state, History: history, Kind: kind, Success: state == "SF", Lateral: inside(source) && inside(destination),
			MonitoredSource: monitored(source), MonitoredDestination: monitored(destination),
		}
	}
	return &simulate.Truth{
		Start: at(t, "02 00:00:00"), End: at(t, "12 00:00:00"), LearnUntil: at(t, "06 00:00:00"),
		Intrusions: []simulate.Intrusion{
			{ID: "i1", Kind: "targeted", Stealth: 0, Entry: "ssh-key", Start: at(t, "07 10:00:00"), Connections: []simulate.Step{
				step("07 10:00:00", "07 11:00:00", "entry", "203.0.113.7", "10.0.0.1", 22, "SF", "ShAdDaFf"),
				step("07 10:01:00", "07 10:01:00", "scan", "10.0.0.1", "10.0.0.2", 3306, "REJ", "Sr"),
				step("07 10:02:00", "07 10:02:03", "scan", "10.0.0.1", "10.0.0.9", 445, "S0", "S"),
				step("07 10:05:00", "07 10:05:02", "move", "10.0.0.1", "10.0.0.2", 22, "SF", "ShAdDaFf"),
				step("07 10:07:00", "07 10:30:00", "move", "10.0.0.2", "10.0.0.9", 445, "SF", "ShADdaFf"),
				step("07 10:40:00", "07 10:50:00", "goal", "10.0.0.2", "10.0.0.1", 5432, "SF", "ShADdaFf"),
			}},
			{ID: "i2", Kind: "slow", Stealth: 2, Entry: "phishing", Start: at(t, "09 10:00:00"), Connections: []simulate.Step{
				step("09 10:00:00", "09 12:00:00", "move", "10.0.0.2", "10.0.0.1", 22, "SF", "ShAdDaFf"),
			}},
		},
		Benign: []simulate.Benign{{Kind: "file-copy", Start: at(t, "08 09:00:00"), End: at(t, "08 10:00:00"), Hosts: []string{"web-01"}}},
	}
}

func replay(t testing.TB, lines ...string) *Replay {
	t.Helper()
	r, err := Read(strings.NewReader(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const (
	moveAlert = `{"type":"alert","id":"a1","rule":"new-ssh","at":"2025-06-07T10:05:40Z","title":"SSH","evidence":[` +
		`{"at":"2025-06-07T10:05:30Z","source":"10.0.0.1","destination":"10.0.0.2","port":22,"state":"TIME_WAIT"}]}`
	otherAlert = `{"type":"alert","id":"a2","rule":"long-ssh","title":"Long SSH","evidence":[` +
		`{"at":"2025-06-08T09:30:00Z","source":"10.0.0.1","destination":"10.0.0.2","port":22}]}`
)

func TestDetected(t *testing.T) {
	r := Score("c", truth(t), replay(t, moveAlert,
		`{"type":"incident","id":"x","notified":false,"alerts":["a1"]}`,
		`{"type":"incident","id":"x","notified":true,"notified_at":"2025-06-07T10:05:45Z","alerts":["a1"],"path":[`+
			`{"at":"2025-06-07T10:05:00Z","source":"10.0.0.1","destination":"10.0.0.2","port":22}]}`,
		`{"type":"summary","alerts":1}`,
	), 30*time.Second)
	if len(r.False) != 0 || len(r.Outcomes) != 2 || r.Days != 6 {
		t.Fatalf("got %+v", r)
	}
	o := r.Outcomes[0]
	// The refused scan leaves nothing, the unanswered one lives for 3 s of 30:
	// the first certain to be polled is the short session of 10:05:00
	// in 10.0.0.1's TIME_WAIT.
	if !o.Detected || o.Delay == nil || *o.Delay != 45*time.Second {
		t.Errorf("got %+v, want it detected after 45s", o)
	}
	// Both ends are monitored on 22 and on 5432 only.
	if o.Edges != 2 || o.EdgesFound != 1 || len(o.Missing) != 1 || o.Missing[0] != "10.0.0.2 → 10.0.0.1:5432" {
		t.Errorf("got %d of %d edges, missing %q", o.EdgesFound, o.Edges, o.Missing)
	}
	if r.Outcomes[1].Detected || r.Outcomes[1].Kept {
		t.Errorf("got %+v, want it missed", r.Outcomes[1])
	}
}

func TestFinds(t *testing.T) {
	for _, tt := range []struct {
		name     string
		evidence string
		found    bool
	}{
		{"60 s before", `"at":"2025-06-07T10:04:00Z","source":"10.0.0.1","destination":"10.0.0.2","port":22`, true},
		{"more than 60 s before", `"at":"2025-06-07T10:03:59Z","source":"10.0.0.1","destination":"10.0.0.2","port":22`, false},
		{"an interval and 120 s after", `"at":"2025-06-07T10:07:30Z","source":"10.0.0.1","destination":"10.0.0.2","port":22`, true},
		{"later than that", `"at":"2025-06-07T10:07:31Z","source":"10.0.0.1","destination":"10.0.0.2","port":22`, false},
		{"while it lives", `"at":"2025-06-07T10:29:59Z","source":"10.0.0.2","destination":"10.0.0.9","port":445`, true},
		{"after it has lived", `"at":"2025-06-07T10:30:01Z","source":"10.0.0.2","destination":"10.0.0.9","port":445`, false},
		{"another port", `"at":"2025-06-07T10:05:00Z","source":"10.0.0.1","destination":"10.0.0.2","port":23`, false},
		{"the other way", `"at":"2025-06-07T10:05:00Z","source":"10.0.0.2","destination":"10.0.0.1","port":22`, false},
		{"a mapped address", `"at":"2025-06-07T10:05:00Z","source":"::ffff:10.0.0.1","destination":"10.0.0.2","port":22`, true},
		{"the entry", `"at":"2025-06-07T10:00:00Z","source":"203.0.113.7","destination":"10.0.0.1","port":22`, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := Score("c", truth(t), replay(t,
				`{"type":"alert","id":"a","evidence":[{`+tt.evidence+`}]}`,
				`{"type":"incident","id":"x","notified":true,"notified_at":"2025-06-07T10:31:00Z","alerts":["a"]}`,
			), 30*time.Second)
			if r.Outcomes[0].Detected != tt.found || len(r.False) == 1 == tt.found {
				t.Errorf("got %+v, false %+v", r.Outcomes[0], r.False)
			}
			inPath := Score("c", truth(t), replay(t,
				`{"type":"incident","id":"x","notified":true,"notified_at":"2025-06-07T10:31:00Z","path":[{`+tt.evidence+`}]}`,
			), 30*time.Second)
			if inPath.Outcomes[0].Detected != tt.found {
				t.Errorf("in a path: got %+v", inPath.Outcomes[0])
			}
		})
	}
}

func TestFalse(t *testing.T) {
	r := Score("c", truth(t), replay(t, otherAlert,
		`{"type":"incident","id":"early","notified":true,"notified_at":"2025-06-05T23:59:59Z","alerts":["a2"]}`,
		`{"type":"incident","id":"kept","notified":false,"alerts":["a2"]}`,
		`{"type":"incident","id":"false","notified":true,"notified_at":"2025-06-08T09:30:10Z","hosts":["web-01"],"alerts":["a2"]}`,
		`{"type":"incident","id":"empty","notified":true,"notified_at":"2025-06-08T09:30:10Z","alerts":["gone"]}`,
	), 30*time.Second)
	if r.Early != 1 || len(r.False) != 2 {
		t.Fatalf("got %d early, false %+v", r.Early, r.False)
	}
	f := r.False[0]
	if f.ID != "false" || f.Title != "Long SSH" || len(f.Around) != 1 || f.Around[0] != "file-copy" || f.First == nil || f.First.Port != 22 {
		t.Errorf("got %+v", f)
	}
}

func TestPremature(t *testing.T) {
	s := Score("c", truth(t), replay(t, moveAlert,
		`{"type":"incident","id":"x","notified":true,"notified_at":"2025-06-06T08:00:00Z","alerts":["a1"]}`,
	), 30*time.Second)
	// The delay ends when the alert on the move is raised.
	if o := s.Outcomes[0]; !o.Detected || o.Premature != 1 || o.Delay == nil || *o.Delay != 40*time.Second || len(s.False) != 0 {
		t.Errorf("got %+v", o)
	}
}

func TestFoundButNotNotified(t *testing.T) {
	r := Score("c", truth(t), replay(t, moveAlert, `{"type":"incident","id":"x","notified":false,"alerts":["a1"]}`), 30*time.Second)
	if o := r.Outcomes[0]; o.Detected || !o.Kept || o.Delay != nil {
		t.Errorf("got %+v", o)
	}
}

func TestCertain(t *testing.T) {
	step := simulate.Step{At: at(t, "07 10:00:00"), Lateral: true, MonitoredSource: true}
	for _, tt := range []struct {
		name           string
		lasts          time.Duration
		state, history string
		destination    bool // the destination is the monitored end
		interval       time.Duration
		want           bool
	}{
		{"refused", 0, "REJ", "Sr", false, 30 * time.Second, false},
		{"reset soon", 2 * time.Second, "RSTO", "ShADdaR", false, 30 * time.Second, false},
		{"reset late", 30 * time.Second, "RSTO", "ShADdaR", false, 30 * time.Second, true},
		{"closed by the monitored end", time.Second, "SF", "ShADdaFf", false, 30 * time.Second, true},
		{"closed by the other end", time.Second, "SF", "ShADdafF", false, 30 * time.Second, false},
		{"closed by the monitored destination", time.Second, "SF", "ShADdafF", true, 30 * time.Second, true},
		{"polls further apart than TIME_WAIT lasts", time.Second, "SF", "ShADdaFf", false, 90 * time.Second, false},
		{"no answer for long", 31 * time.Second, "S0", "S", false, 30 * time.Second, true},
		{"no answer for long, seen at the wrong end", 31 * time.Second, "S0", "S", true, 30 * time.Second, false},
		{"no answer, soon given up", 3 * time.Second, "S0", "S", false, 30 * time.Second, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := step
			s.Until, s.State, s.History = s.At.Add(tt.lasts), tt.state, tt.history
			s.MonitoredSource, s.MonitoredDestination = !tt.destination, tt.destination
			if got := certain(s, tt.interval); got != tt.want {
				t.Errorf("got %t, want %t", got, tt.want)
			}
		})
	}
}

func TestSum(t *testing.T) {
	seconds := func(n int) *time.Duration { d := time.Duration(n) * time.Second; return &d }
	s := Sum([]Result{
		{Days: 6, Outcomes: []Outcome{
			{Kind: "slow", Stealth: 0, Detected: true, Delay: seconds(10), Edges: 4, EdgesFound: 3, Incidents: []string{"a", "b"}},
			{Kind: "slow", Stealth: 2, Edges: 4},
		}, False: []False{{ID: "f"}}},
		{Days: 4, Early: 2, Outcomes: []Outcome{
			{Kind: "slow", Stealth: 0, Detected: true, Delay: seconds(30), Edges: 2, EdgesFound: 2, Incidents: []string{"c"}},
			{Kind: "aggressive", Stealth: 0, Detected: true, Incidents: []string{"d"}},
		}, False: []False{{ID: "g"}}},
	})
	if s.Days != 10 || s.PerDay != 0.2 || s.Early != 2 || len(s.Missed) != 1 {
		t.Errorf("got %+v", s)
	}
	var names []string
	for _, r := range s.Rows {
		names = append(names, strings.Join(r.cells(), "|"))
	}
	want := []string{
		"aggressive|0|1|1|100 %|–|–|–|–|1.0",
		"slow|0|2|2|100 %|10s|30s|83 %|83 %|1.5",
		"slow|2|1|0|0 %|–|–|0 %|–|–",
		"all|0|3|3|100 %|10s|30s|83 %|83 %|1.3",
		"all|2|1|0|0 %|–|–|0 %|–|–",
		"all|all|4|3|75 %|10s|30s|50 %|83 %|1.3",
	}
	if strings.Join(names, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(names, "\n"), strings.Join(want, "\n"))
	}
}

func TestReport(t *testing.T) {
	s := Sum([]Result{Score("c", truth(t), replay(t, moveAlert, otherAlert,
		`{"type":"incident","id":"x","notified":true,"notified_at":"2025-06-07T10:05:45Z","alerts":["a1"]}`,
		`{"type":"incident","id":"f","severity":"high","notified":true,"notified_at":"2025-06-08T09:30:10Z","hosts":["web-01"],"alerts":["a2"]}`,
	), 30*time.Second)})
	for file, write := range map[string]func(Summary, *bytes.Buffer) error{
		"testdata/report.txt": func(s Summary, b *bytes.Buffer) error { return s.WriteText(b) },
		"testdata/report.md":  func(s Summary, b *bytes.Buffer) error { return s.WriteMarkdown(b) },
	} {
		var got bytes.Buffer
		if err := write(s, &got); err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got.String() != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", file, got.String(), want)
		}
	}
}

// TestPage checks that the committed page has the present text and table.
func TestPage(t *testing.T) {
	committed, err := os.ReadFile("../../docs/detection.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(committed), "\n    ")
	command, _, _ := strings.Cut(rest, "\n")
	var b strings.Builder
	if err := (Page{Command: command, Polls: []Poll{{Interval: 30 * time.Second}}}).Write(&b); err != nil {
		t.Fatal(err)
	}
	if want, _, _ := strings.Cut(b.String(), "\n\nFalse"); !strings.HasPrefix(string(committed), want) {
		t.Errorf("docs/detection.md doesn't begin with\n%s", want)
	}
}

func TestDetails(t *testing.T) {
	s := Sum([]Result{Score("c", truth(t), replay(t, otherAlert,
		`{"type":"incident","id":"f","severity":"high","notified":true,"notified_at":"2025-06-08T09:30:10Z","alerts":["a2"]}`,
	), 30*time.Second)})
	var b bytes.Buffer
	if err := s.WriteDetails(&b, 30*time.Second); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	for k, want := range []string{
		`{"type":"intrusion","interval":"30s","company":"c","id":"i1"`, `{"type":"intrusion","interval":"30s","company":"c","id":"i2"`,
		`{"type":"false","interval":"30s","company":"c","id":"f","severity":"high"`,
	} {
		if k >= len(lines) || !strings.HasPrefix(lines[k], want) {
			t.Errorf("got\n%s\nwant line %d to begin with %s", b.String(), k+1, want)
		}
	}
}

func TestInvalidReplay(t *testing.T) {
	for text, want := range map[string]string{
		"{\"type\":\"summary\"}\nnonsense":                              "line 2",
		`{"type":"incident","id":"x","path":[{"source":"10.0.0.300"}]}`: "line 1: incident",
		`{"type":"alert","id":"x","evidence":[{"port":70000}]}`:         "line 1: alert",
	} {
		if _, err := Read(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q in it", text, err, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(moveAlert + "\n" + otherAlert + "\n" + `{"type":"incident","id":"x","notified":true,"alerts":["a1","a1","zz"]}`))
	f.Add([]byte(`{"type":"incident","path":[{"source":"","destination":"::1"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		s := Sum([]Result{Score("c", truth(t), r, 30*time.Second)})
		last := s.Rows[len(s.Rows)-1]
		if last.Intrusions != 2 || last.Detected > 2 || last.EdgesFound > last.Edges || len(s.Missed)+last.Detected != 2 {
			t.Errorf("got %+v", last)
		}
	})
}
