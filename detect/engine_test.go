package detect_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"headstart/detect"
	"headstart/detect/baseline"
	"headstart/detect/rule"
	"headstart/event"
)

var learnsADay = baseline.Options{Learning: 24 * time.Hour}

func newCorrelation(set *rule.Set, f *fleet) *detect.Engine {
	return detect.New(set, detect.Options{Inventory: f.inventory(), Baseline: learnsADay})
}

// take applies a copy of a message, so that the engine keeps nothing of it.
func take(c *detect.Engine, m *message) *detect.Output {
	changes := m.changes
	changes.Connections = slices.Clone(changes.Connections)
	return c.Apply(&changes, m.storedAt)
}

// saying is all that a message leads to, as JSON.
func saying(t *testing.T, out *detect.Output) string {
	t.Helper()
	if len(out.Alerts)+len(out.Incidents)+len(out.Controls)+len(out.Failures) == 0 && !out.Rejected {
		return ""
	}
	data, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestRestoredStateContinuesExactly cuts histories at some messages, and holds what
// a correlation says after it was restored against what one says that went on.
func TestRestoredStateContinuesExactly(t *testing.T) {
	t.Parallel()
	set := defaultSet(t)
	alerts := 0
	for seed := range sample(8) {
		random := rand.New(rand.NewPCG(seed, 2))
		f, history := someHistory(random)
		cuts := map[int]bool{}
		for range 4 {
			cuts[random.IntN(len(history))] = true
		}
		c := newCorrelation(set, f)
		said := make([]string, len(history))
		saved := map[int][]byte{}
		for i := range history {
			out := take(c, &history[i])
			alerts += len(out.Alerts)
			said[i] = saying(t, out)
			if cuts[i] {
				var err error
				if saved[i], err = c.Save(); err != nil {
					t.Fatal(err)
				}
			}
		}
		for cut, state := range saved {
			restored := newCorrelation(set, f)
			if err := restored.Restore(state); err != nil {
				t.Fatal(err)
			}
			for i := cut + 1; i < len(history); i++ {
				if got := saying(t, take(restored, &history[i])); got != said[i] {
					t.Errorf("seed %d, restored after message %d of %d: message %d, of %s at %s, says\n%s\nnot\n%s",
						seed, cut, len(history), i, history[i].changes.Host, history[i].storedAt, got, said[i])
					break
				}
			}
			if got, want := restored.Sizes(), c.Sizes(); got != want {
				t.Errorf("seed %d, restored after message %d: %+v, not %+v", seed, cut, got, want)
			}
		}
	}
	if alerts < 25*int(sample(8)) {
		t.Errorf("only %d alerts", alerts)
	}
}

// TestRepeatedMessagesChangeNothing sends messages again, the last or one from
// long ago.
func TestRepeatedMessagesChangeNothing(t *testing.T) {
	t.Parallel()
	set := defaultSet(t)
	for seed := range sample(6) {
		random := rand.New(rand.NewPCG(seed, 3))
		f, history := someHistory(random)
		once, again := newCorrelation(set, f), newCorrelation(set, f)
		for i := range history {
			want := saying(t, take(once, &history[i]))
			if got := saying(t, take(again, &history[i])); got != want {
				t.Fatalf("seed %d: message %d says\n%s\nnot\n%s", seed, i, got, want)
			}
			for range random.IntN(3) {
				old := i - random.IntN(min(i, 1+random.IntN(2000))+1)
				if got := saying(t, take(again, &history[old])); got != "" {
					t.Fatalf("seed %d: message %d, again after %d, says %s", seed, old, i, got)
				}
			}
		}
		if got, want := again.Sizes(), once.Sizes(); got != want {
			t.Errorf("seed %d: %+v, not %+v", seed, got, want)
		}
	}
}

// TestOrderOfArrivalChangesNothing delays the hosts' messages within what the
// correlation promises to bear: the same alerts are raised, and in the end there
// are the same incidents. Nobody falls silent: for how long a host says nothing
// is a matter of arrival.
func TestOrderOfArrivalChangesNothing(t *testing.T) {
	t.Parallel()
	set := defaultSet(t)
	broken := map[string]int{}
	for seed := range sample(12) {
		random := rand.New(rand.NewPCG(seed, 4))
		f, until := someFleet(random)
		for _, m := range f.machines {
			m.silent = nil
		}
		history := f.messages(dayStart(1), until, until)
		want := inTheEnd(set, f, history)
		for range 2 {
			got := inTheEnd(set, f, delayed(random, history, baseline.Lateness-pollEvery))
			for what := range differences(want, got) {
				word, _, _ := strings.Cut(what, " ")
				if broken[word]++; broken[word] <= 3 {
					t.Errorf("seed %d: %s", seed, what)
				}
			}
		}
	}
	if len(broken) > 0 {
		t.Errorf("differences by rule: %v", broken)
	}
}

// TestEitherEndMayReportFirst holds that it makes no difference which end of a
// connection is looked at first, where one of them is new or has had none yet.
func TestEitherEndMayReportFirst(t *testing.T) {
	set := defaultSet(t)
	for _, test := range []struct {
		name     string
		since    int // day from which host-02 reports
		from, to int
		port     uint16
	}{
		{"a host's first connection", 1, 1, 0, 22},
		{"a host that is reached for the first time", 1, 0, 1, 22},
		{"a new host", 4, 1, 0, 5985},
		{"a new host that is reached", 4, 0, 1, 5985},
	} {
		t.Run(test.name, func(t *testing.T) {
			var said [2]string
			for first := range said {
				f := threeHosts()
				f.machines[1].since = dayStart(test.since)
				f.machines[first].phase = 5 * time.Second
				at := dayStart(4).Add(8 * time.Hour)
				f.flows = append(f.flows, &flow{
					id: 1000, from: f.machines[test.from], to: f.machines[test.to], port: test.port, start: at, end: at.Add(10 * time.Minute),
				})
				said[first] = inShort(set, f)
			}
			if said[0] != said[1] {
				t.Errorf("when host-01 is first:\n%swhen host-02 is first:\n%s", said[0], said[1])
			}
		})
	}
}

// threeHosts are host-01, which reaches host-03 every hour, and host-02.
func threeHosts() *fleet {
	f := new(fleet)
	for n, name := range []string{"host-01", "host-02", "host-03"} {
		f.machines = append(f.machines, &machine{name: name, address: addressNumber(n), reports: true, phase: 20 * time.Second})
	}
	for hour := range 4 * 24 {
		at := dayStart(1).Add(time.Duration(hour) * time.Hour)
		f.flows = append(f.flows, &flow{id: uint64(hour), from: f.machines[0], to: f.machines[2], port: 443, start: at, end: at.Add(time.Minute)})
	}
	return f
}

// inShort is what four days of a fleet lead to.
func inShort(set *rule.Set, f *fleet) string {
	var b strings.Builder
	c := newCorrelation(set, f)
	for _, m := range f.messages(dayStart(1), dayStart(5), dayStart(5)) {
		out := take(c, &m)
		for _, a := range out.Alerts {
			fmt.Fprintf(&b, "%s, learning: %t\n", a.Rule, a.Learning)
		}
		for _, i := range out.Incidents {
			fmt.Fprintf(&b, "%s, score %g\n", i.State, i.Score)
		}
	}
	return b.String()
}

func addressNumber(n int) event.Address { return event.AddressFrom4(0x0a010001 + uint32(n)) }

// inTheEnd is what a history leads to: lines, each once.
func inTheEnd(set *rule.Set, f *fleet, history []message) map[string]bool {
	c := newCorrelation(set, f)
	lines := map[string]bool{}
	last := map[string]*event.Incident{}
	for i := range history {
		out := take(c, &history[i])
		for _, a := range out.Alerts {
			lines[fmt.Sprintf("%s alert %s of %s", a.Rule, a.ID, a.Key)] = true
		}
		for _, i := range out.Incidents {
			last[i.ID] = i
		}
	}
	for _, i := range last {
		if i.MergedInto != "" {
			continue
		}
		hosts := slices.Clone(i.Hosts)
		slices.Sort(hosts)
		var path []string
		for _, e := range i.Path {
			path = append(path, fmt.Sprintf("%s→%s:%d", e.Source, e.Destination, e.Port))
		}
		slices.Sort(path)
		lines[fmt.Sprintf("incident hosts %v path %v", hosts, path)] = true
	}
	return lines
}

func differences(want, got map[string]bool) map[string]bool {
	all := map[string]bool{}
	for line := range want {
		if !got[line] {
			all[line+" is missing"] = true
		}
	}
	for line := range got {
		if !want[line] {
			all[line+" is new"] = true
		}
	}
	return all
}
