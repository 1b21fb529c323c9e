package report

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"headstart/event"
	"headstart/term"
)

var update = flag.Bool("update", false, "write what the tests print into testdata; review every line")

// golden compares text with a file of testdata.
func golden(t *testing.T, file, got string) {
	t.Helper()
	path := filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; got:\n%s", path, got)
	}
}

var berlin = time.FixedZone("CEST", 2*3600)

func TestReferenceIncident(t *testing.T) {
	r := New(reference(), Options{})
	golden(t, "reference.txt", r.Text(term.Page{}))
	golden(t, "reference-80-columns.txt", r.Text(term.Page{Columns: 80}))
	golden(t, "reference-40-columns.txt", r.Text(term.Page{Columns: 40}))
	golden(t, "reference-in-colour.txt", r.Text(term.Page{Columns: 100, Colour: true}))
	golden(t, "reference-brief.txt", r.Brief(term.Page{Columns: 100}))
	golden(t, "reference.md", r.Markdown())
	var page strings.Builder
	if err := r.HTML(&page); err != nil {
		t.Fatal(err)
	}
	golden(t, "reference.html", page.String())
	text, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "reference.json", text)
	if i, err := event.DecodeIncident([]byte(text)); err != nil || i.ID != reference().ID || len(i.Path) != 5 {
		t.Errorf("the JSON is %+v, %v", i, err)
	}
}
