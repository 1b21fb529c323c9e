package webhook

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestDocumentedSignature(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "notifier.md"))
	if err != nil {
		t.Fatal(err)
	}
	example := regexp.MustCompile(`(?s)secret='(.*?)'\nid='(.*?)'\ntimestamp='(\d+)'\nprintf '%s' '(.*?)' >.*?base64\n# (\S+)\n`).FindSubmatch(text)
	if example == nil {
		t.Fatal("no worked example in docs/notifier.md")
	}
	seconds, err := strconv.ParseInt(string(example[3]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	got := signatures(keys(t, string(example[1])), string(example[2]), time.Unix(seconds, 0), example[4])
	if want := "v1," + string(example[5]); got != want {
		t.Errorf("signature %s, documented as %s", got, want)
	}
}

func TestDocumentedBodiesHaveExistingFields(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "notifier.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```json\n(.*?)\n```").FindAllSubmatch(text, -1)
	for i, into := range []any{new(incidentPayload), new(alertPayload)} {
		if len(blocks) != 2 {
			t.Fatalf("%d bodies in docs/notifier.md, want 2", len(blocks))
		}
		d := json.NewDecoder(strings.NewReader(string(blocks[i][1])))
		d.DisallowUnknownFields()
		if err := d.Decode(into); err != nil {
			t.Errorf("%v in\n%s", err, blocks[i][1])
		}
	}
}
