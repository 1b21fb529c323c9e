package pattern_test

import (
	"bytes"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"headstart/detect/pattern"
)

// FuzzPatterns holds patterns to what they promise, over scripts that the fuzzer
// writes in the notation of testdata: what fires makes sense, nothing fires
// twice, the caps hold, and what is saved goes on as what isn't.
func FuzzPatterns(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		f.Fatalf("no scripts in testdata: %v", err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(txtar.Format(archive))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 10_000 {
			return
		}
		s := newScript()
		s.limits = pattern.Limits{Keys: 8, Matches: 40, MatchesPerKey: 16, Edges: 30, EdgesPerHost: 12}
		s.patterns = pattern.New(s.limits)
		ids := map[string]bool{}
		for _, section := range txtar.Parse(text).Files {
			if kind, _, _ := strings.Cut(section.Name, " "); kind == "limits" {
				continue
			}
			saved := save(t, s.patterns)
			fired, err := s.section(section.Name, string(section.Data))
			if err != nil {
				continue // what came before the mistake was told
			}
			for i := range fired {
				checkFired(t, s, &fired[i])
				if ids[fired[i].ID] {
					t.Fatalf("fired twice: %+v", fired[i])
				}
				ids[fired[i].ID] = true
			}
			if s.patterns.Len() > max(s.limits.Matches, s.limits.Edges)*max(len(s.rules), 1) {
				t.Fatalf("%d remembered", s.patterns.Len())
			}
			again := pattern.New(s.limits)
			restore(t, again, saved)
			other := *s
			other.patterns = again
			refired, err := other.section(section.Name, string(section.Data))
			if err != nil || !reflect.DeepEqual(refired, fired) || !bytes.Equal(save(t, again), save(t, s.patterns)) {
				t.Fatalf("section %q: restored, %v fires:\n%s and not:\n%s", section.Name, err, s.describe(refired), s.describe(fired))
			}
		}
	})
}

func checkFired(t *testing.T, s *script, f *pattern.Fired) {
	t.Helper()
	var r *pattern.Rule
	for i := range s.rules {
		if s.rules[i].ID == f.Rule {
			r = &s.rules[i]
		}
	}
	if r == nil || len(f.Evidence) == 0 || len(f.Evidence) > pattern.MaxEvidence || f.Matched < len(f.Path) || f.At.IsZero() {
		t.Fatalf("fired %+v", f)
	}
	if dayOf(f) == "?" {
		t.Fatalf("the id is of no day of the evidence: %+v", f)
	}
	for _, m := range f.Evidence {
		if m.Rule != f.Rule || m.At.After(f.At) || r.Path == nil && m.By != f.Key {
			t.Fatalf("%+v is evidence of %+v", m, f)
		}
	}
	switch {
	case r.Count != nil:
		if f.Reached < r.Count.AtLeast-0.001 || f.Reached <= 0 {
			t.Fatalf("reached %v of %v", f.Reached, r.Count.AtLeast)
		}
		for i := range f.Evidence[1:] {
			if f.Evidence[i].OpenedBefore.After(f.Evidence[i+1].OpenedBefore) && !f.Evidence[i+1].OpenedBefore.IsZero() &&
				!f.Evidence[i].OpenedBefore.After(f.Evidence[i].At) && !f.Evidence[i+1].OpenedBefore.After(f.Evidence[i+1].At) {
				t.Fatalf("evidence is out of order: %+v", f.Evidence)
			}
		}
	case r.Sequence != nil:
		for i, m := range f.Evidence {
			if m.Part != i {
				t.Fatalf("step %d is %+v", i, m)
			}
		}
		if f.Matched != len(r.Sequence.Steps) {
			t.Fatalf("%d steps", f.Matched)
		}
	default:
		hosts := map[string]bool{f.Path[0].Edge.SourceHost: true}
		for i, m := range f.Path {
			if i > 0 && m.Edge.SourceHost != f.Path[i-1].Edge.DestinationHost || hosts[m.Edge.DestinationHost] {
				t.Fatalf("path %+v", f.Path)
			}
			hosts[m.Edge.DestinationHost] = true
		}
		if len(f.Path) < r.Path.Hops && r.Path.Hops <= 20 {
			t.Fatalf("%d hops of %d", len(f.Path), r.Path.Hops)
		}
	}
}
