package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"headstart/cli/clitest"
)

func TestParseSeeds(t *testing.T) {
	for text, want := range map[string][]uint64{"7": {7}, "3,5": {3, 5}, "1-3,9": {1, 2, 3, 9}, "18446744073709551615-18446744073709551615": {1<<64 - 1}} {
		got, err := parseSeeds(text)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "a", "3-1", "1-", "-1", "1-99999999", "1,,2"} {
		if got, err := parseSeeds(text); err == nil {
			t.Errorf("%q: got %v, want a mistake", text, got)
		}
	}
}

func execute(t *testing.T, args ...string) (string, error) {
	t.Helper()
	return clitest.Execute(t, clitest.Root(NewSimulate(), NewScore(), NewEvaluate()), args...)
}

// seer finds every intrusion at its first connection, and one thing that
// isn't.
func seer(_ context.Context, dir string, _ pace, out io.Writer) error {
	truth, err := readTruth(filepath.Join(dir, "truth.json"))
	if err != nil {
		return err
	}
	for _, i := range truth.Intrusions {
		first := i.Connections[0]
		path, err := json.Marshal([]map[string]any{{"at": first.At, "source": first.Source, "destination": first.Destination, "port": first.Port}})
		if err != nil {
			return err
		}
		fmt.Fprintf(out, `{"type":"incident","id":"%s","notified":true,"notified_at":"%s","path":%s}`+"\n", i.ID, first.At.Format("2006-01-02T15:04:05Z07:00"), path)
	}
	_, err = fmt.Fprintln(out, `{"type":"incident","id":"f","notified":true,"notified_at":"2025-06-07T00:00:00Z","severity":"low"}`)
	return err
}

func TestEvaluate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := newEvaluate(seer)
	page := filepath.Join(dir, "detection.md")
	c.SetArgs([]string{"--seeds", "1-5", "--days", "6", "--hosts", "12", "--intervals", "30s", "--parallel", "2", "--out", page, "--details", filepath.Join(dir, "details.jsonl"), "--keep", filepath.Join(dir, "kept")})
	var progress strings.Builder
	c.SetErr(&progress)
	if err := c.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"--seeds 1-5 ", "## Polled every 30s", "| exploratory | 0 | 1 | 1 | 100 % |", "| all | all | 4 | 4 | 100 % |",
		"False incidents: 5 in 10.0 days after learning, 0.50 a day",
	} {
		if !strings.Contains(string(got), want) {
			t.Errorf("got\n%s\nwant %q in it", got, want)
		}
	}
	details, err := os.ReadFile(filepath.Join(dir, "details.jsonl"))
	if err != nil || !strings.Contains(string(details), `{"type":"false","interval":"30s","company":"seed 5","id":"f","severity":"low"`) {
		t.Errorf("details: %v\n%s", err, details)
	}
	if !strings.Contains(progress.String(), "5 of 5: seed 5 at 30s: 0 of 0 detected, 1 false") {
		t.Errorf("got %s", progress.String())
	}
	// score returns the same for the kept files.
	kept := filepath.Join(dir, "kept", "1")
	out, err := execute(t, "score", "--truth", filepath.Join(kept, "truth.json"), "--replay", filepath.Join(kept, "replay-30s.jsonl"))
	if err != nil || !strings.Contains(out, "all          all      1           1         100 %") {
		t.Errorf("got %s, %v", out, err)
	}
}

func TestSimulateWrites(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "company")
	out, err := execute(t, "simulate", "--dir", dir, "--days", "6", "--hosts", "10", "--gzip", "--kind", "slow", "--stealth", "1")
	if err != nil || !strings.Contains(out, "1 intrusion ") {
		t.Fatalf("got %s, %v", out, err)
	}
	for _, name := range []string{"conn.log.gz", "inventory.yaml", "truth.json"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMeasuringMistakes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		args []string
		want []string
	}{
		{[]string{"simulate"}, []string{"--dir: want a directory"}},
		{[]string{"simulate", "--dir", t.TempDir(), "--start", "monday"}, []string{`--start "monday"`}},
		{[]string{"simulate", "--dir", t.TempDir(), "--hosts", "3", "--kind", "loud"}, []string{"hosts 3", `kind "loud"`}},
		{[]string{"score"}, []string{"--truth, --replay"}},
		{[]string{"score", "--truth", "a", "--replay", "b", "--output", "xml"}, []string{`--output "xml"`}},
		{[]string{"score", "--truth", "a", "--output", "b.jsonl"}, []string{"the file is now --replay"}},
		{[]string{"score", "--truth", "a", "--replay", "b", "--format", "json"}, []string{"the flag is now --output"}},
		{[]string{"evaluate", "--seeds", "1", "--output", "page.md"}, []string{"the file is now --out"}},
	} {
		_, err := execute(t, tt.args...)
		if err == nil {
			t.Errorf("%v: no error", tt.args)
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%v: got %v, want %q in it", tt.args, err, want)
			}
		}
	}
}
