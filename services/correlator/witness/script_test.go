package witness_test

import (
	"bytes"
	"encoding/gob"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"headstart/services/correlator/witness"
)

var update = flag.Bool("update", false, "write what follows into the scripts; review every line")

// TestScripts runs the scripts of testdata, each of which shows one behaviour in
// time: as they are, and saved and restored after each section.
func TestScripts(t *testing.T) {
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
		t.Run(name, func(t *testing.T) { runScript(t, archive, false) })
		t.Run(name+", restarted", func(t *testing.T) { runScript(t, archive, true) })
		if *update {
			if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func runScript(t *testing.T, archive *txtar.Archive, restarted bool) {
	s := newScript(witness.Limits{})
	for i := 0; i < len(archive.Files); i++ {
		section := &archive.Files[i]
		edge := strings.HasPrefix(section.Name, "edge ")
		text := string(section.Data)
		if edge {
			text = ""
		}
		got, err := s.section(section.Name, text)
		if err != nil {
			t.Fatalf("section %q: %v", section.Name, err)
		}
		want := ""
		if next := i + 1; next < len(archive.Files) && archive.Files[next].Name == "one-sided" {
			i = next
			section = &archive.Files[i]
			edge = true
		}
		if edge {
			if *update {
				section.Data = []byte(got)
			}
			want = string(section.Data)
		}
		if got != want {
			t.Errorf("section %q:\n got:\n%s want:\n%s", archive.Files[i].Name, got, want)
		}
		if restarted {
			s.witnesses = restored(t, s.witnesses, witness.Limits{})
		}
	}
}

func save(t *testing.T, w *witness.Witnesses) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(w.Save()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// restored returns witnesses that were saved and restored.
func restored(t *testing.T, w *witness.Witnesses, limits witness.Limits) *witness.Witnesses {
	t.Helper()
	saved := save(t, w)
	var s witness.State
	if err := gob.NewDecoder(bytes.NewReader(saved)).Decode(&s); err != nil {
		t.Fatal(err)
	}
	fresh := witness.New(limits)
	if err := fresh.Restore(s); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(save(t, fresh), saved) {
		t.Fatal("what was restored saves something else")
	}
	return fresh
}
