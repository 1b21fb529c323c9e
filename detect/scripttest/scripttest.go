// Package scripttest plays the scripts in time by which the correlator's state
// machines are tested: txtar files in testdata, each of which shows one
// behaviour. A script is played twice, as it is and with the state saved and
// restored after each section: the answers must be the same.
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
	// Do does what a section says, and returns what follows as the script has it.
	Do func(section *txtar.File) (got string, err error)

	// Asks reports whether a section is a question: then what follows from it is
	// not in the section after it, but its own text. nil: none is.
	Asks func(section *txtar.File) bool

	// Restart saves the state and restores it.
	Restart func()
}

// Each plays every script of testdata on machines that make makes. answer is the
// name of the sections that say what follows from the section before them;
// where there is none, nothing does.
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
		said, asks := section, m.Asks != nil && m.Asks(section)
		got, err := m.Do(section)
		if err != nil {
			t.Fatalf("section %q: %v", section.Name, err)
		}
		if next := i + 1; !asks && next < len(archive.Files) && archive.Files[next].Name == answer {
			i, asks = next, true
			said = &archive.Files[i]
		}
		want := ""
		if asks {
			if *update {
				said.Data = []byte(got)
			}
			want = string(said.Data)
		}
		if got != want {
			t.Errorf("section %q:\n got:\n%s want:\n%s", section.Name, got, want)
		}
		if restarted {
			m.Restart()
		}
	}
}
