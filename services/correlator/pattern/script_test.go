package pattern_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write what fires into the scripts; review every line")

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
	s := newScript()
	for i := 0; i < len(archive.Files); i++ {
		section := &archive.Files[i]
		fired, err := s.section(section.Name, string(section.Data))
		if err != nil {
			t.Fatalf("section %q: %v", section.Name, err)
		}
		got, want := s.describe(fired), ""
		if next := i + 1; next < len(archive.Files) && archive.Files[next].Name == "fires" {
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
			restore(t, s.patterns, save(t, s.patterns))
		}
	}
}
