// Package scripttest runs the scripts that test the engine's state machines:
// txtar files in testdata, each of which shows one behavior. A script runs twice,
// as it is and with the state saved and restored after each section: the answers
// must be the same.
package scripttest

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write the answers into the scripts; review every line")

// Machine is a state machine, and the notation of its scripts.
type Machine struct {
	// Do runs a section and returns what follows in the script's notation.
	Do func(section *txtar.File) (got string, err error)

	// Restart saves the state and restores it.
	Restart func()
}

// Each runs every script of testdata on machines that make returns. answer is the
// name of the sections with what follows from the section before them; without
// one, nothing follows.
func Each(t *testing.T, answer string, make func(t *testing.T) Machine) {
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
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		t.Run(name, func(t *testing.T) { play(t, archive, answer, make(t), false) })
		t.Run(name+", restarted", func(t *testing.T) { play(t, archive, answer, make(t), true) })
		if *update {
			if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func play(t *testing.T, archive *txtar.Archive, answer string, m Machine, restarted bool) {
	for i := 0; i < len(archive.Files); i++ {
		section := &archive.Files[i]
		got, err := m.Do(section)
		if err != nil {
			t.Fatalf("section %q: %v", section.Name, err)
		}
		want := ""
		if next := i + 1; next < len(archive.Files) && archive.Files[next].Name == answer {
			i = next
			if *update {
				archive.Files[i].Data = []byte(got)
			}
			want = string(archive.Files[i].Data)
		}
		if got != want {
			t.Errorf("section %q:\n got:\n%s want:\n%s", section.Name, got, want)
		}
		if restarted {
			m.Restart()
		}
	}
}
