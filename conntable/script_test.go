package conntable_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"headstart/conntable"
	"headstart/event"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write the table's changes into the scripts; review every line")

// TestScripts runs the scripts of testdata, each of which shows one behaviour
// in time: with a table that is kept, and with one that is saved and restored
// between any two snapshots.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts in testdata: %v", err)
	}
	for _, file := range files {
		script, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		t.Run(name+"/kept", func(t *testing.T) { runScript(t, script, false) })
		t.Run(name+"/restored", func(t *testing.T) { runScript(t, script, true) })
		if *update {
			if err := os.WriteFile(file, txtar.Format(script), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func runScript(t *testing.T, script *txtar.Archive, restore bool) {
	var comparer conntable.Comparer
	var changes event.Changes
	tab, codec, books := new(conntable.Table), new(conntable.Codec), newLedger()
	out := printer{map[event.ConnectionID]int{}}
	got := ""
	for i := range script.Files {
		section := &script.Files[i]
		kind, header, _ := strings.Cut(section.Name, " ")
		switch kind {
		case "snapshot":
			if got != "" {
				t.Fatalf("snapshot %s: the one before expects nothing", header)
			}
			s, lag, err := parseSnapshot(header, string(section.Data))
			if err != nil {
				t.Fatal(err)
			}
			result := comparer.Apply(tab, s, lag, &changes)
			if result != conntable.Compared {
				got = "stale: " + result.String() + "\n"
				continue
			}
			got = out.changes(&changes)
			if err := books.enter(s, &changes); err != nil {
				t.Errorf("snapshot %s: %v", header, err)
			}
			if restore {
				tab = saveAndRestore(t, codec, tab, s)
			}
		case "expect":
			if *update {
				section.Data = []byte(got)
			}
			if want := string(section.Data); strings.TrimSpace(want) != strings.TrimSpace(got) {
				t.Errorf("snapshot %s:\n got:\n%s want:\n%s", script.Files[i-1].Name, got, want)
			}
			got = ""
		default:
			t.Fatalf("section %q: want snapshot or expect", section.Name)
		}
	}
	if got != "" {
		t.Fatal("the last snapshot expects nothing")
	}
}

// saveAndRestore returns what a restarted tracker has of a table.
func saveAndRestore(t testing.TB, codec *conntable.Codec, tab *conntable.Table, last *event.Snapshot) *conntable.Table {
	t.Helper()
	restored, err := codec.Restore(codec.Append(nil, tab, encode(t, last)))
	if err != nil {
		t.Fatal(err)
	}
	if restored.At() != tab.At() || restored.Len() != tab.Len() {
		t.Fatalf("restored %v with %d rows, saved %v with %d", restored.At(), restored.Len(), tab.At(), tab.Len())
	}
	return restored
}

func encode(t testing.TB, s *event.Snapshot) []byte {
	t.Helper()
	message, err := new(event.SnapshotEncoder).Append(nil, s)
	if err != nil {
		t.Fatal(err)
	}
	return message
}
