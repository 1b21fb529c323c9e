package coverage_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"headstart/detect/rule"
	"headstart/event"
	"headstart/rulekit/coverage"
	rules "headstart/rules.expr"
	"headstart/term"
)

var noon = time.Date(2025, 6, 5, 12, 0, 0, 0, time.UTC)

// set makes rules of their parts after the title.
func set(t *testing.T, texts ...string) *rule.Set {
	t.Helper()
	dir := fstest.MapFS{"lists.yaml": {Data: []byte("roles: {web: [web, frontend], desk: [desk], none: []}\n")}}
	for i, text := range texts {
		id := fmt.Sprintf("r%d", i)
		dir[id+".yaml"] = &fstest.MapFile{Data: []byte("rule: " + id + "\ntitle: A rule\nseverity: high\n" + text)}
	}
	s, err := rule.Load(dir, "rules")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTable(t *testing.T) {
	id := regexp.MustCompile(`^T[0-9]{4}(\.[0-9]{3})?$`)
	last := ""
	for _, one := range coverage.Techniques() {
		switch {
		case !id.MatchString(one.ID) || one.ID <= last:
			t.Errorf("%s comes after %s", one.ID, last)
		case one.Name == "" || len(one.Tactics) == 0 || one.Sight == 0 || (one.Why == "") != (one.Sight == coverage.Shown):
			t.Errorf("%+v", one)
		case (coverage.Parent(one.ID) != "") != strings.Contains(one.Name, ": "):
			t.Errorf("%s: a sub-technique's name has its technique's before it: %s", one.ID, one.Name)
		}
		for _, tactic := range one.Tactics {
			if !slices.Contains(coverage.Tactics(), tactic) {
				t.Errorf("%s: no tactic %s", one.ID, tactic)
			}
		}
		last = one.ID
	}
}

func TestDefaultRulesetNamesKnownTechniques(t *testing.T) {
	set, err := rule.Load(rules.Files, "the default ruleset")
	if err != nil {
		t.Fatal(err)
	}
	covered := 0
	for _, row := range coverage.Matrix(set) {
		if row.Name == "" {
			t.Errorf("%s is not in the table; rules %v", row.ID, row.Rules)
		}
		if row.State == coverage.Covered {
			covered++
		}
	}
	if covered < 20 {
		t.Errorf("only %d techniques covered", covered)
	}
}

func TestMatrix(t *testing.T) {
	rows := coverage.Matrix(set(t,
		"when: conn.port == 22\nattack: [T1021.004]\n",
		"when: conn.port == 23\nattack: [T1110, T9999]\n",
		"when: conn.port == 24\nattack: [T1046]\nenabled: false\n",
		"when: conn.port == 25\nattack: [T1021.004, T1550]\n",
	))
	for id, want := range map[string]string{
		"T1021.004": "covered [r0 r3]", "T1021": "covered [r0 r3]", "T1021.001": "uncovered []", "T1110": "covered [r1]", "T1110.001": "perhaps [r1]",
		"T1110.002": "invisible []", "T9999": "covered [r1]", "T1046": "uncovered []", "T1040": "invisible []", "T1550.002": "perhaps [r3]",
	} {
		i := slices.IndexFunc(rows, func(r coverage.Row) bool { return r.ID == id })
		if i < 0 {
			t.Errorf("no %s", id)
			continue
		}
		if got := fmt.Sprintf("%s %v", rows[i].State, rows[i].Rules); got != want {
			t.Errorf("%s: %s, want %s", id, got, want)
		}
	}
}

func TestActivities(t *testing.T) {
	s := set(t, "when: conn.port == 22\n", "when: conn.port == 23\nalert: false\n", "when: conn.port == 24\nenabled: false\n", "when: conn.port == 25 and fired(\"r1\", host)\n", "when: conn.port == 26\n")
	all := coverage.Activities(s, map[string]int{"r1": 3}, map[string]int{"r3": 2}, map[string]coverage.Stored{"r0": {Alerts: 5, Last: noon}})
	var never []string
	for i := range all {
		if all[i].Never() {
			never = append(never, all[i].Rule)
		}
	}
	if len(all) != 4 || !slices.Equal(never, []string{"r4"}) || all[1].RaisesAlert || all[1].Fired != 3 || all[0].Alerts != 5 || !all[0].LastAlertAt.Equal(noon) {
		t.Errorf("got %+v", all)
	}
}

// heartbeats reads the polls of a host: seconds since noon, an interval
// after a slash where it changes.
func heartbeats(t *testing.T, b *coverage.Heartbeats, host, looks string, roles ...string) {
	t.Helper()
	interval := 30
	for i, look := range strings.Fields(looks) {
		at := 0
		fmt.Sscanf(look, "%d/%d", &at, &interval)
		b.See(&event.Changes{
			Host: host, Sequence: uint64(i + 1), ObservedAt: noon.Add(time.Duration(at) * time.Second), Interval: time.Duration(interval) * time.Second, Roles: roles, Part: 1, Parts: 1,
		})
	}
}

func TestGaps(t *testing.T) {
	for _, tt := range []struct{ name, looks, want string }{
		{"none", "0 30 60 96 120", ""},
		{"as late as can be", "0 30 90 120", ""},
		{"one", "0 30 120", "30-120"},
		{"two", "0 100 130 300 330", "0-100 130-300"},
		{"when it is polled more often", "0/30 30/10 40 50 80", "50-80"},
		{"when it is polled less often again", "0/10 10 20/30 50 110", ""},
		{"out of order", "0 30 20 60 90", ""},
		{"until the end", "0 30 60 90 120 -", "120-600 and on"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := coverage.NewHeartbeats()
			looks, goesOn := strings.CutSuffix(tt.looks, " -")
			heartbeats(t, b, "web-01", looks)
			until := noon
			if goesOn {
				until = noon.Add(10 * time.Minute)
			}
			var got []string
			for _, g := range b.Hosts(until)[0].Gaps {
				text := fmt.Sprintf("%.0f-%.0f", g.From.Sub(noon).Seconds(), g.Until.Sub(noon).Seconds())
				if g.Open {
					text += " and on"
				}
				got = append(got, text)
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("got %v, want %s", got, tt.want)
			}
		})
	}
}

func TestHostileIntervals(t *testing.T) {
	b := coverage.NewHeartbeats()
	for i, interval := range []time.Duration{1<<63 - 1, -1 << 63, 0, 1} {
		b.See(&event.Changes{Host: "web-01", ObservedAt: noon.Add(time.Duration(i) * time.Second), Interval: interval, Part: 1, Parts: 1})
	}
	hosts := b.Hosts(noon.Add(time.Minute))
	if gaps := hosts[0].Gaps; len(gaps) != 2 || time.Duration(gaps[0].Every) != time.Nanosecond {
		t.Errorf("gaps %+v", gaps)
	}
	blind := coverage.TooSeldom(set(t, "when: conn.port == 22\nfor: 2562047h\n", "when: conn.port == 22\nfor: 30s\n"), hosts)
	if len(blind) != 1 || time.Duration(blind[0].Surely) != 48*time.Hour {
		t.Errorf("blind %+v", blind)
	}
}

func TestSilences(t *testing.T) {
	b := coverage.NewHeartbeats()
	heartbeats(t, b, "a", "0 30 60")
	heartbeats(t, b, "b", "0 130 160 360")
	heartbeats(t, b, "c", "0 1000")
	got := coverage.Silences(b.Hosts(noon))
	if len(got) != 2 || got[0].Host != "c" || got[1].Host != "b" || time.Duration(got[1].Total) != 330*time.Second || time.Duration(got[1].Longest) != 200*time.Second {
		t.Errorf("got %+v", got)
	}
}

func TestTooSeldom(t *testing.T) {
	b := coverage.NewHeartbeats()
	heartbeats(t, b, "web-01", "0/300 300 600", "web")
	heartbeats(t, b, "web-02", "0/30 30 60", "frontend")
	heartbeats(t, b, "db-01", "0/30 30/60 90 150", "database")
	hosts := b.Hosts(noon)
	got := coverage.TooSeldom(set(t,
		"when: host in roles.web\nfor: 30s\n",
		"when: conn.port == 22 and conn.age.min > duration(\"45s\")\n",
		"when: conn.port == 22\n",
		"when: conn.port == 22\nfor: 5m\n",
		"when: conn.port == 22\nfor: 1s\nenabled: false\n",
		"thresholds: {session: 2m}\nwhen: conn.port == 22\nfor: thresholds.session\n",
	), hosts)
	var texts []string
	for _, b := range got {
		text := fmt.Sprintf("%s %s every %s sure %s:", b.Rule, time.Duration(b.Length), time.Duration(b.Interval), time.Duration(b.Surely))
		for _, h := range b.Hosts {
			text += " " + h.Host
		}
		texts = append(texts, text)
	}
	want := []string{"r0 30s every 5m0s sure 10m0s: web-01", "r1 45s every 5m0s sure 10m0s: db-01 web-01", "r5 2m0s every 5m0s sure 10m0s: web-01"}
	if !slices.Equal(texts, want) {
		t.Errorf("got  %q\nwant %q", texts, want)
	}
}

func TestWithoutHosts(t *testing.T) {
	s := set(t, "when: host in roles.web\n", "when: peer in roles.desk\n", "when: host in roles.desk\n", "when: host in roles.none\n", "when: not (host in roles.none)\n", "when: host in roles.none\nenabled: false\n", "absent: {of: poller, for: 5m}\n")
	hosts := []coverage.Known{{Name: "web-01", Roles: []string{"frontend"}, Reports: true}, {Name: "desk-01", Roles: []string{"desk"}}}
	want := []coverage.Missing{{"r2", "host", "roles.desk", []string{"desk"}}, {"r3", "host", "roles.none", []string{}}}
	if got := coverage.WithoutHosts(s, hosts); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestLayer(t *testing.T) {
	data, err := coverage.Layer(coverage.Matrix(set(t, "when: conn.port == 22\nattack: [T1021.004]\n", "when: conn.port == 23\nattack: [T1021.004, T1110]\n")), "rules")
	if err != nil {
		t.Fatal(err)
	}
	var l struct {
		Name, Domain string
		Versions     struct{ Attack, Navigator, Layer string }
		Techniques   []struct {
			TechniqueID       string
			Score             *int
			Color, Comment    string
			Enabled           bool
			ShowSubtechniques bool
		}
	}
	if err := json.Unmarshal(data, &l); err != nil || l.Versions.Layer != "4.5" || l.Domain != "enterprise-attack" || len(l.Techniques) != len(coverage.Techniques()) {
		t.Fatalf("%v\n%.500s", err, data)
	}
	for _, one := range l.Techniques {
		score := -1
		if one.Score != nil {
			score = *one.Score
		}
		switch one.TechniqueID {
		case "T1021":
			if score != 2 || !one.ShowSubtechniques {
				t.Errorf("%+v", one)
			}
		case "T1021.004":
			if score != 2 || one.Color != "" || one.Comment != "covered: r0, r1" {
				t.Errorf("%+v", one)
			}
		case "T1110.001", "T1046", "T1040":
			if score != -1 || one.Color == "" || one.Comment == "" {
				t.Errorf("%+v", one)
			}
		}
	}
}

func TestText(t *testing.T) {
	b := coverage.NewHeartbeats()
	heartbeats(t, b, "web-\x1b[2J", "0/300 300 1000")
	for n := range 30 {
		heartbeats(t, b, fmt.Sprintf("web-%02d", n), "0 300")
	}
	s := set(t, "when: host in roles.desk\nattack: [T1021.004]\nfor: 10s\n", "when: conn.port == 22\nfor: 10s\n")
	hosts := b.Hosts(noon)
	r := &coverage.Report{Rules: "mine", Enabled: 2, Attack: coverage.Version, Techniques: coverage.Matrix(s), Notes: []string{"Something is missing."}, History: &coverage.History{
		From: noon, Until: noon.Add(time.Hour), Hosts: len(hosts), Activities: coverage.Activities(s, nil, map[string]int{"r1": 14}, nil),
		Missing: coverage.WithoutHosts(s, nil), Blind: coverage.TooSeldom(s, hosts), Silent: coverage.Silences(hosts),
	}}
	short, all := r.Text(term.Page{}, false), r.Text(term.Page{}, true)
	for _, want := range []string{
		"mine: 2 rules enabled.", "T1021.004  SSH", "Never fired: r0.", "Only suppressed by exceptions: r1 (14 times).", "no reporting host has roles.desk",
		"requires 10s  polled every 5m  certain from 10m", "Hosts with gaps in polling", "and 21 more (--all lists them)", "Something is missing.",
	} {
		if !strings.Contains(short, want) {
			t.Errorf("no %q in\n%s", want, short)
		}
	}
	if strings.Contains(all, "--all") || !strings.Contains(all, "T1040 ") || strings.Contains(short, "T1040 ") || strings.ContainsRune(all, '\x1b') {
		t.Errorf("all is\n%s", all)
	}
}
