package correlator

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"headstart/daemon"
	"headstart/detect/rule"
	"headstart/event"
	"headstart/rulestore"
)

// told is what the correlator would say of its rules now.
func (b *bench) told() map[string]rulestore.RuleStatus {
	b.t.Helper()
	b.countedAt = time.Time{}
	b.count()
	each := map[string]rulestore.RuleStatus{}
	for _, r := range b.reporter.status().Each {
		each[r.Rule] = r
	}
	return each
}

func TestSuppressedIsCountedAcrossRestarts(t *testing.T) {
	const mutes = "conn.open\nunless:\n  - {when: conn.port == 22, owner: ann, reason: r, expires: 2999-12-31}\n  - {when: conn.port == 23, owner: bob, reason: r, expires: 2999-12-31}"
	b := newBench(t, map[string]string{"mutes": mutes, "fires": "conn.port == 22"})
	for id := range byte(3) {
		b.says("web-01", opens(id+1, "10.1.2.20", 22))
	}
	work := b.batch()
	if n := len(b.alerts(work)); n != 3 {
		t.Fatalf("%d alerts", n)
	}
	check := func(when string, first, second int) {
		t.Helper()
		told := b.told()
		unless := told["mutes"].Unless
		if len(unless) != 2 || unless[0].Suppressed != first || unless[1].Suppressed != second || unless[0].State != "in force" {
			t.Errorf("%s: %+v", when, unless)
		}
		if first > 0 && !unless[0].Since.Equal(noon) {
			t.Errorf("%s: muted since %s", when, unless[0].Since)
		}
		if told["fires"].Fired < 3 || told["mutes"].Fired != 0 {
			t.Errorf("%s: fired %+v", when, told)
		}
	}
	check("at first", 3, 0)
	state, ok := b.checkpoint(noon)
	if !ok {
		t.Fatal("no checkpoint")
	}
	saved, err := decodeCheckpoint(state.Value)
	if err != nil {
		t.Fatal(err)
	}
	b.resumes(saved, 0)
	check("in the next life", 3, 0)
	b.says("web-01", opens(4, "10.1.2.20", 22))
	b.says("web-01", opens(5, "10.1.2.20", 23))
	b.batch()
	check("later", 4, 1)
	b.change("mutes", strings.Replace(mutes, "owner: ann", "owner: eve", 1))
	b.says("web-01", opens(6, "10.1.2.20", 22))
	b.batch()
	check("under another owner", 5, 1)
	b.change("mutes", strings.Replace(mutes, "conn.port == 22", "conn.port == 22 or conn.port == 24", 1))
	b.says("web-01", opens(7, "10.1.2.20", 22))
	b.batch()
	if unless := b.told()["mutes"].Unless; unless[0].Suppressed != 1 {
		t.Errorf("an exception with another condition has muted %d times", unless[0].Suppressed)
	}
}

// manyOpen makes so many connections of a message.
func manyOpen(n int, port uint16) func(c *event.Changes) {
	return func(c *event.Changes) {
		for i := range n {
			opens(byte(i), "10.1.2.20", port)(c)
			one := &c.Connections[i]
			one.ID[1], one.ID[2], one.LocalPort = byte(i>>8), byte(c.Sequence), uint16(20000+i)
		}
	}
}

func TestSlowRuleIsCutOffUntilTheRulesChange(t *testing.T) {
	b := newBench(t, map[string]string{"slow": "conn.port == 22", "other": "conn.port == 23"})
	now := time.Duration(0)
	b.clock = func() time.Duration { now += 50 * time.Microsecond; return now }
	b.options.RuleBudget, b.options.Telemetry = 100*time.Microsecond, daemon.NewTelemetry()
	b.restart()
	work := func(n int) []string {
		b.says("web-01", func(c *event.Changes) {
			manyOpen(n, 22)(c)
			opens(250, "10.1.2.20", 23)(c)
			c.Connections[n].ID[2] = byte(c.Sequence)
		})
		work := b.batch()
		b.told()
		return b.fired(work)
	}
	if n := len(work(4000)); n != 4001 {
		t.Fatalf("%d alerts", n)
	}
	if told := b.told()["slow"]; told.Cost != 50 || told.Measured < enoughSamples || told.Cut {
		t.Fatalf("within its budget: %+v", told)
	}
	b.metric(`headstart_rule_evaluation_seconds{rule="slow"} 5e-05`)

	b.budget = 10 * time.Microsecond
	b.rules.budget = b.budget
	b.told()
	b.says("web-01", nil)
	_, set := b.recordedIn(b.batch())
	if len(set.cut) != 1 || set.cut[0] != "slow" {
		t.Errorf("recorded is that %v are cut off", set.cut)
	}
	if got := work(10); len(got) != 1 || got[0] != "other" {
		t.Errorf("%v fire", got)
	}
	if told := b.told()["slow"]; !told.Cut {
		t.Errorf("told is %+v", told)
	}
	b.metric("headstart_rules_cut_off 1")
	if n := strings.Count(b.log.String(), "rule disabled until"); n != 1 {
		t.Errorf("logged %d times:\n%s", n, b.log.String())
	}

	state, _ := b.checkpoint(noon)
	saved, err := decodeCheckpoint(state.Value)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("a new life goes on like that", func(t *testing.T) {
		b.resumes(saved, 0)
		if got := work(10); len(got) != 1 || got[0] != "other" {
			t.Errorf("%v fire", got)
		}
	})
	t.Run("one without a budget doesn't", func(t *testing.T) {
		b.options.RuleBudget = 0
		b.resumes(saved, 0)
		if got := work(10); len(got) != 11 {
			t.Errorf("%d fire", len(got))
		}
	})
	t.Run("with other rules it is asked again", func(t *testing.T) {
		b.options.RuleBudget = 10 * time.Microsecond
		b.resumes(saved, 0)
		b.change("more", "conn.port == 24")
		if got := work(10); len(got) != 11 {
			t.Errorf("%d fire", len(got))
		}
	})
}

func TestExceptionsAreAnnouncedBeforeTheyExpire(t *testing.T) {
	set, err := rule.Load(fstest.MapFS{"a.yaml": {Data: []byte(ruleFile("a", "conn.open\nunless:\n"+
		"  - {when: conn.port == 1, owner: ann, reason: r, expires: 2026-12-31}\n  - {when: conn.port == 2, owner: bob, reason: r, expires: 2027-06-30}"))}}, "rules")
	if err != nil {
		t.Fatal(err)
	}
	var log journal
	telemetry := daemon.NewTelemetry()
	x := newExpiries(telemetry.Metrics, slog.New(slog.NewTextHandler(&log, nil)))
	lines := 0
	for _, step := range []struct {
		at                         string
		announced                  int
		inForce, expiring, expired int
	}{
		{"2026-12-24T23:59:00Z", 0, 2, 0, 0},
		{"2026-12-25T00:00:00Z", 1, 1, 1, 0}, // the last instant is a week from here
		{"2026-12-25T12:00:00Z", 0, 1, 1, 0},
		{"2026-12-26T01:00:00Z", 1, 1, 1, 0},
		{"2026-12-31T23:00:00Z", 1, 1, 1, 0},
		{"2027-01-01T00:00:00Z", 1, 1, 0, 1},
		{"2027-01-01T01:00:00Z", 0, 1, 0, 1},
		{"2027-01-03T01:00:00Z", 0, 1, 0, 1},
	} {
		at, err := time.Parse(time.RFC3339, step.at)
		if err != nil {
			t.Fatal(err)
		}
		x.look(set, at)
		now := strings.Count(log.String(), "\n")
		if now-lines != step.announced {
			t.Errorf("%s: announced %d times, want %d:\n%s", step.at, now-lines, step.announced, log.String())
		}
		lines = now
		var shown bytes.Buffer
		telemetry.Metrics.WritePrometheus(&shown)
		for state, count := range map[string]int{"in force": step.inForce, "expires soon": step.expiring, "expired": step.expired} {
			if line := fmt.Sprintf("headstart_rule_exceptions{state=%q} %d\n", state, count); !strings.Contains(shown.String(), line) {
				t.Errorf("%s: metrics lack %s:\n%s", step.at, line, shown.String())
			}
		}
	}
	if text := log.String(); !strings.Contains(text, "owner=ann") || !strings.Contains(text, "last_day=2026-12-31") || strings.Contains(text, "bob") {
		t.Errorf("log:\n%s", text)
	}
}

func TestActiveRulesAreInReadyzAndMetrics(t *testing.T) {
	b := newBench(t, map[string]string{"port": "conn.port == 1"})
	readyz := func() string {
		w := httptest.NewRecorder()
		b.options.Telemetry.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil))
		body, err := io.ReadAll(w.Result().Body)
		if err != nil || w.Result().StatusCode != 200 {
			t.Fatal(w.Result().StatusCode, err)
		}
		return string(body)
	}
	first := b.rules.current()
	if got := readyz(); !strings.Contains(got, "default "+first.Hash[:12]+", active since 2") {
		t.Errorf("readyz is %s", got)
	}
	b.metric(fmt.Sprintf(`headstart_correlator_rules_info{hash=%q,source="default",author="",revision="0"} 1`, first.Hash[:12]))
	b.files["port.yaml"].Data = []byte("rule: port")
	b.rules.try()
	if got := readyz(); !strings.Contains(got, first.Hash[:12]) || !strings.Contains(got, "rejected at 2") || !strings.Contains(got, "port.yaml:1:1") {
		t.Errorf("readyz is %s", got)
	}
	b.change("port", "conn.port == 2")
	second := b.rules.current()
	if got := readyz(); !strings.Contains(got, second.Hash[:12]) || strings.Contains(got, "refused") {
		t.Errorf("readyz is %s", got)
	}
	var shown bytes.Buffer
	b.options.Telemetry.Metrics.WritePrometheus(&shown)
	if n := strings.Count(shown.String(), "headstart_correlator_rules_info"); n != 1 || !strings.Contains(shown.String(), second.Hash[:12]) {
		t.Errorf("metrics:\n%s", shown.String())
	}
}

func TestStatusFitsIntoAMessage(t *testing.T) {
	s := &rulestore.Status{Type: "rules", Instance: "x"}
	for i := range 10_000 {
		s.Each = append(s.Each, rulestore.RuleStatus{Rule: fmt.Sprintf("rule-%05d", i), Measured: 100, Cost: 1.25, Failures: i % 1000 / 999})
	}
	data, err := s.Encode(100 << 10)
	if err != nil || len(data) > 100<<10 {
		t.Fatalf("%d bytes, %v", len(data), err)
	}
	got, err := rulestore.DecodeStatus(data)
	if err != nil || len(got.Each)+got.Omitted != 10_000 || got.Omitted == 0 {
		t.Fatalf("%d told, %d omitted, %v", len(got.Each), got.Omitted, err)
	}
	failing := 0
	for _, r := range got.Each {
		failing += r.Failures
	}
	if failing != 10 {
		t.Errorf("of the 10 rules that fail %d are told", failing)
	}
}
