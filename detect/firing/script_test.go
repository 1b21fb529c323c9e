package firing_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"headstart/detect/firing"
	"headstart/detect/rule"
	"headstart/event"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write what is found into the scripts; review every line")

// eachScript calls do with every script of testdata, each of which shows one
// behaviour in time.
func eachScript(t *testing.T, do func(t *testing.T, name string, s *script)) {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts in testdata: %v", err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := parseScript(archive)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		t.Run(name, func(t *testing.T) { do(t, name, s) })
		if *update {
			if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestScripts(t *testing.T) {
	eachScript(t, func(t *testing.T, _ string, s *script) {
		for i, got := range run(t, s, never) {
			m := &s.messages[i]
			want := ""
			switch {
			case m.found != nil && *update:
				m.found.Data = []byte(got)
				continue
			case m.found != nil:
				want = string(m.found.Data)
			default:
				got = findingsOf(got)
			}
			if got != want {
				t.Errorf("message %s:\n got:\n%s want:\n%s", m.header, got, want)
			}
		}
	})
}

// findingsOf drops the line that says how many connections are remembered.
func findingsOf(found string) string {
	lines := slices.Collect(strings.Lines(found))
	return strings.Join(slices.DeleteFunc(lines, func(line string) bool { return strings.HasPrefix(line, "remembers") }), "")
}

// TestRestartAtAnyPointChangesNothing saves and restores between the messages
// of the scripts. A connection on which no rule waits any more may be forgotten
// a message earlier for it.
func TestRestartAtAnyPointChangesNothing(t *testing.T) {
	eachScript(t, func(t *testing.T, name string, s *script) {
		want := findings(run(t, s, never))
		check := func(when string, found []string) {
			t.Helper()
			got := findings(found)
			if i := firstDifference(got, want); i >= 0 {
				t.Errorf("%s: message %s:\n got:\n%s want:\n%s", when, s.messages[i].header, got[i], want[i])
			}
		}
		check("restarted after each message", run(t, s, always))
		for i := range s.messages {
			check("restarted once after "+s.messages[i].header, run(t, s, func(at int) restart {
				return restart{now: at == i}
			}))
			// The service saves what has changed only. What it lacks then is
			// when the last message was, and so a step of the clock.
			if !strings.HasPrefix(name, "clock-") {
				check("restarted from the last change after "+s.messages[i].header, run(t, s, func(at int) restart {
					return restart{now: at == i, fromLastChange: true}
				}))
			}
		}
	})
}

func findings(found []string) []string {
	all := make([]string, len(found))
	for i := range found {
		all[i] = findingsOf(found[i])
	}
	return all
}

func firstDifference(got, want []string) int {
	for i := range want {
		if got[i] != want[i] {
			return i
		}
	}
	return -1
}

// restart says what happens between a message and the next.
type restart struct{ now, fromLastChange bool }

func never(int) restart  { return restart{} }
func always(int) restart { return restart{now: true} }

// run returns what is found with each message of a script.
func run(t *testing.T, s *script, after func(message int) restart) []string {
	t.Helper()
	self := &rule.Host{Name: "web-01", Roles: []string{"web"}}
	peers := func(a event.Address) *rule.Host { return s.peers[a] }
	var codec firing.Codec
	var lastChange []byte
	host := new(firing.Host)
	var watcher *firing.Rules
	var set *rule.Set
	var all []string
	for i := range s.messages {
		m := &s.messages[i]
		if m.set != set {
			set, watcher = m.set, firing.NewRules(m.set)
			watcher.Baseline = func(*event.Connection) rule.Baseline { return rule.Baseline{Fanout: rule.UsualFanout{P99: 2}} }
		}
		changes := m.changes
		changes.Connections = slices.Clone(changes.Connections)
		findings, changed, forgotten := watcher.Evaluate(host, &changes, self, peers)
		if forgotten != 0 {
			t.Errorf("message %s: %d connections forgotten", m.header, forgotten)
		}
		all = append(all, describe(findings, changes.ObservedAt, host.Len()))
		clear(changes.Connections) // what is remembered must not be the message's

		saved, err := codec.Save(host, &changes)
		if err != nil {
			t.Fatal(err)
		}
		if changed || i == 0 {
			lastChange = saved
		}
		if r := after(i); r.now {
			if r.fromLastChange {
				saved = lastChange
			}
			if host, _, err = codec.Restore(saved); err != nil {
				t.Fatal(err)
			}
		}
	}
	return all
}
