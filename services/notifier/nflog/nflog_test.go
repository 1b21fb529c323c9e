package nflog

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"headstart/event"
)

// revision parses a revision as tests write it: its number, then any of these
// words.
func revision(t testing.TB, text string) *event.Incident {
	t.Helper()
	i := &event.Incident{ID: "i", State: event.IncidentUpdated}
	words := strings.Fields(text)
	if _, err := fmt.Sscan(words[0], &i.Revision); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	for _, word := range words[1:] {
		switch word {
		case "notified":
			i.Notified = true
		case "grown":
			i.Grown = "one more host"
		case "merged":
			i.MergedInto, i.State = "other", event.IncidentResolved
		case "low":
			i.Severity = event.Low
		case "high":
			i.Severity = event.High
		default:
			if err := i.State.UnmarshalText([]byte(word)); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
		}
	}
	return i
}

// stepNames are the steps as tests write them.
var stepNames = [...]string{"none", "unwanted", "orphan", "notified", "superseded", "wait", "begin", "send"}

// play handles revisions as the notifier does. A line is a revision, whether the
// attempt to send it fails ("down"), and the expected step or action.
func play(t *testing.T, lines string) {
	t.Helper()
	var entry Entry
	for line := range strings.Lines(lines) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		text, want, _ := strings.Cut(line, "->")
		text, down := strings.CutSuffix(strings.TrimSpace(text), " down")
		i := revision(t, text)
		wanted := i.Severity == 0 || i.Severity >= event.High
		step, action := entry.Next(i, wanted)
		if step == Begin {
			entry = Parse(entry.Attempt(i.Revision).Encode())
			step, action = entry.Next(i, wanted)
		}
		got := stepNames[step]
		if step == Send {
			got = string(action)
			if !down {
				entry = Parse(entry.Settle(i.Revision).Encode())
			}
		}
		if got != strings.TrimSpace(want) {
			t.Errorf("%s\ngot %s with %+v", line, got, entry)
		}
	}
}

func TestEntry(t *testing.T) {
	for name, lines := range map[string]string{
		"a normal incident": `
			1 open -> unwanted
			2 updated -> unwanted
			3 updated notified -> opened
			4 updated notified -> unwanted
			5 updated notified grown -> grown
			6 quiet notified -> quiet
			7 updated notified -> unwanted
			8 updated notified grown -> grown
			9 quiet notified -> quiet
			10 resolved notified -> resolved`,
		"never notified": `
			1 open -> unwanted
			2 quiet -> unwanted
			3 resolved -> unwanted`,
		"notified at once, then merged": `
			1 open notified -> opened
			2 merged notified -> resolved`,
		"the first is the opening, even if it has grown": `
			4 updated notified grown -> opened
			5 updated notified grown -> grown`,
		"a new receiver is notified of the next change": `
			7 quiet notified -> orphan
			8 updated notified -> opened
			9 resolved notified -> resolved`,
		"a new receiver isn't notified of an end": `
			7 quiet notified -> orphan
			8 merged notified -> orphan`,
		"the severity matters until the opening": `
			1 open notified low -> unwanted
			2 updated notified grown low -> unwanted
			3 updated notified grown high -> opened
			4 updated notified grown low -> grown
			5 resolved notified low -> resolved`,
		"nothing overtakes the opening": `
			1 open notified down -> opened
			2 updated notified -> unwanted
			3 updated notified grown -> wait
			4 quiet notified -> wait
			3 updated notified grown -> wait
			1 open notified down -> opened
			4 quiet notified -> wait
			1 open notified -> opened
			3 updated notified grown -> grown
			4 quiet notified -> quiet`,
		"a later state supersedes": `
			1 open notified -> opened
			2 updated notified grown down -> grown
			2 updated notified grown down -> grown
			3 updated notified grown down -> grown
			2 updated notified grown -> superseded
			3 updated notified grown -> grown
			2 updated notified grown -> superseded
			4 quiet notified down -> quiet
			5 resolved notified -> resolved
			4 quiet notified -> superseded`,
		"a delivered revision is not sent again": `
			1 open notified -> opened
			1 open notified -> notified
			2 updated notified grown -> grown
			2 updated notified grown -> notified
			1 open notified -> superseded`,
		"another instance has handled a later revision first": `
			2 updated notified -> opened
			1 open notified -> superseded
			3 updated notified grown -> grown`,
	} {
		t.Run(name, func(t *testing.T) { play(t, lines) })
	}
}

func TestLostOpeningIsReplaced(t *testing.T) {
	attempted := Entry{}.Attempt(3)
	entry := attempted.Settle(3)
	for name, c := range map[string]struct{ got, want Entry }{
		"replaced":                  {attempted.Reopen(5), Entry{5, 5, 0}},
		"not by an earlier one":     {attempted.Reopen(2), attempted},
		"not after it is notified":  {entry.Reopen(5), Entry{3, 3, 3}},
		"a second opening":          {attempted.Attempt(4), attempted},
		"attempt after the opening": {entry.Attempt(4), Entry{3, 4, 3}},
		"attempt of an earlier one": {entry.Attempt(4).Attempt(2), Entry{3, 4, 3}},
		"settle an earlier one":     {entry.Attempt(4).Settle(4).Settle(3), Entry{3, 4, 4}},
		"settle without an attempt": {entry.Settle(4), entry},
		"settle without an opening": {Entry{}.Settle(4), Entry{}},
	} {
		if c.got != c.want {
			t.Errorf("%s: %+v, want %+v", name, c.got, c.want)
		}
	}
	if step, _ := attempted.Reopen(5).Next(revision(t, "3 open notified"), true); step != Superseded {
		t.Errorf("the lost one, found: %v", step)
	}
}

func TestParse(t *testing.T) {
	const most = "18446744073709551615"
	for text, want := range map[string]Entry{
		"": {}, "x": {}, "3": {}, "3 3 ": {}, "-1 2 0": {}, "0 5 5": {}, "3 2 0": {}, "3 4 5": {}, "3 3 0": {3, 3, 0}, "3 7 5": {3, 7, 5},
		most + " " + most + " 0": {1<<64 - 1, 1<<64 - 1, 0}, most + "0 0 0": {},
	} {
		if got := Parse([]byte(text)); got != want {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
}

// TestEntryUnderAnyFailure delivers random incidents with failures, retries in
// any order and kills: the first notification is the opening, states only move
// forward, and the last one arrives.
func TestEntryUnderAnyFailure(t *testing.T) {
	for seed := range uint64(3000) {
		random := rand.New(rand.NewPCG(seed, 0))
		var entry Entry
		var sent []string
		var revisions []uint64
		waiting := randomIncident(random)
		last := lastNotified(waiting)
		for attempts := 0; len(waiting) > 0; attempts++ {
			at := 0
			if attempts > 0 {
				at = random.IntN(min(len(waiting), 4))
			}
			i := waiting[at]
			step, action := entry.Next(i, true)
			if step == Begin {
				entry = entry.Attempt(i.Revision)
				step, action = entry.Next(i, true)
			}
			if step == Wait || step == Orphan && at > 0 || step == Send && random.IntN(3) == 0 {
				continue
			}
			if step == Send {
				sent, revisions = append(sent, string(action)), append(revisions, i.Revision)
				if random.IntN(4) == 0 {
					continue // the answer was lost, or the notifier was killed before it stored that
				}
				entry = entry.Settle(i.Revision)
			}
			waiting = slices.Delete(waiting, at, at+1)
		}
		if len(sent) == 0 {
			if last != 0 {
				t.Fatalf("seed %d: nothing sent, want %d", seed, last)
			}
			continue
		}
		if sent[0] != "opened" || !slices.IsSorted(revisions) || revisions[len(revisions)-1] < last {
			t.Fatalf("seed %d: sent %v %v, want the opening first, in order, at least up to %d", seed, sent, revisions, last)
		}
		for n, action := range sent {
			if (action == "opened") != (revisions[n] == revisions[0]) {
				t.Fatalf("seed %d: sent %v %v", seed, sent, revisions)
			}
		}
	}
}

// randomIncident returns the revisions of an incident.
func randomIncident(random *rand.Rand) (all []*event.Incident) {
	notified := false
	for n := range 1 + random.IntN(12) {
		i := &event.Incident{ID: "i", Revision: uint64(n + 1), State: event.IncidentUpdated}
		notified = notified || random.IntN(3) == 0
		i.Notified = notified
		switch random.IntN(4) {
		case 0:
			i.State = event.IncidentQuiet
		case 1:
			i.Grown = "grown"
		}
		all = append(all, i)
	}
	if random.IntN(2) == 0 {
		all[len(all)-1].State = event.IncidentResolved
	}
	return all
}

// lastNotified returns the last revision that a receiver must have, 0 for none.
func lastNotified(all []*event.Incident) (last uint64) {
	for _, i := range all {
		switch over := i.State >= event.IncidentQuiet; {
		case !i.Notified:
		case last == 0 && !over, last > 0 && (over || i.Grown != ""):
			last = i.Revision
		}
	}
	return last
}
