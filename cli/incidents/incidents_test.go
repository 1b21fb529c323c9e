package incidents

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"headstart/cli/clitest"
	"headstart/daemon"
	"headstart/event"
)

func execute(t *testing.T, args ...string) (string, error) {
	t.Helper()
	return clitest.Execute(t, clitest.Root(NewCommand()), args...)
}

// someIncidents returns one incident of each kind.
func someIncidents() []*event.Incident {
	hours := func(n int) func(*event.Incident) {
		return func(i *event.Incident) { i.LastActivityAt = i.LastActivityAt.Add(-time.Duration(n) * time.Hour) }
	}
	kept := func(i *event.Incident) {
		i.Notified, i.NotifiedAt, i.Score, i.Missed, i.Severity, i.Title = false, time.Time{}, 20, 40, event.Low, "web-02: Seldom"
	}
	return []*event.Incident{
		clitest.Incident("aaaaaaaa1111", func(i *event.Incident) { i.Title = "Before" }),
		clitest.Incident("aaaaaaaa1111", func(i *event.Incident) { hours(5)(i); i.Revision, i.State = 2, event.IncidentQuiet }),
		clitest.Incident("aaaaaaaa2222", func(i *event.Incident) { i.Severity, i.Title = event.Critical, "files-01: A sweep" }),
		clitest.Incident("bbbbbbbb3333", func(i *event.Incident) { kept(i) }),
		clitest.Incident("cccccccc4444", func(i *event.Incident) { i.State, i.Title = event.IncidentResolved, "Over" }),
		clitest.Incident("dddddddd5555", func(i *event.Incident) { hours(50)(i); i.Title = "Old" }),
	}
}

func startWithIncidents(t *testing.T) *clitest.System {
	t.Helper()
	s := clitest.Start(t, event.StreamIncidents)
	s.PublishIncidents(t, someIncidents()...)
	return s
}

func TestIncidentsList(t *testing.T) {
	t.Parallel()
	s := startWithIncidents(t)
	for _, tt := range []struct {
		name string
		args []string
		want []string // beginnings of lines
	}{
		{"unresolved", nil, []string{"ID ", "aaaaaaaa2 critical  open ", "aaaaaaaa1 high  quiet", "dddddddd5 high", "bbbbbbbb3 low"}},
		{"all", []string{"--all"}, []string{"ID ", "aaaaaaaa2 ", "cccccccc4 high  resolved ", "aaaaaaaa1 ", "dddddddd5 ", "bbbbbbbb3 "}},
		{"with activity of late", []string{"--since", "24h"}, []string{"ID ", "aaaaaaaa2 ", "aaaaaaaa1 ", "bbbbbbbb3 "}},
		{"none", []string{"--since", "1h"}, []string{"no matching incidents of 5; --all includes resolved ones"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, err := execute(t, append([]string{"incidents", "list", "--server", s.URL}, tt.args...)...)
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(strings.TrimSpace(out), "\n")
			if len(lines) != len(tt.want) {
				t.Fatalf("got\n%s", out)
			}
			for n, want := range tt.want {
				if got := strings.Join(strings.Fields(lines[n]), " ") + " "; !strings.HasPrefix(got, strings.Join(strings.Fields(want), " ")) {
					t.Errorf("line %q, want it to begin with %q", lines[n], want)
				}
			}
		})
	}
	t.Run("as JSON lines", func(t *testing.T) {
		out, err := execute(t, "incidents", "list", "--server", s.URL, "--output", "json")
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for line := range strings.Lines(out) {
			var kind struct{ Type string }
			i, err := event.DecodeIncident([]byte(line))
			if err != nil || json.Unmarshal([]byte(line), &kind) != nil || kind.Type != "incident" || len(i.Path) != 1 {
				t.Fatalf("%s: %v", line, err)
			}
			ids = append(ids, i.ID)
		}
		if got := strings.Join(ids, " "); got != "aaaaaaaa2222 aaaaaaaa1111 dddddddd5555 bbbbbbbb3333" {
			t.Errorf("got %s", got)
		}
	})
}

func TestIncidentsShow(t *testing.T) {
	t.Parallel()
	s := startWithIncidents(t)
	for _, id := range []string{"aaaaaaaa1111", "aaaaaaaa1", "c"} {
		out, err := execute(t, "incidents", "show", id, "--server", s.URL)
		if err != nil || !strings.Contains(out, "\nPath\n") || !strings.Contains(out, "web-01 → db-01:5432") || !strings.Contains(out, "  incident       "+id) {
			t.Errorf("show %s: %v\n%s", id, err, out)
		}
		if strings.Contains(out, "Before") {
			t.Errorf("an earlier revision:\n%s", out)
		}
	}
	_, err := execute(t, "incidents", "show", "aaaa", "--server", s.URL)
	var usage *daemon.UsageError
	if !errors.As(err, &usage) || !strings.Contains(err.Error(), "aaaaaaaa1111  web-01 reached") || !strings.Contains(err.Error(), "aaaaaaaa2222  files-01") {
		t.Errorf("an ambiguous id: %v", err)
	}
	for _, id := range []string{"ffff", "aaaaaaaa11112", "a\x1b[2J>.*"} {
		_, err = execute(t, "incidents", "show", id, "--server", s.URL)
		if err == nil || errors.As(err, &usage) || !strings.Contains(err.Error(), "no incident has an id that begins with") || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("an unknown id: %v", err)
		}
	}
}

func TestIncidentsReport(t *testing.T) {
	t.Parallel()
	s := startWithIncidents(t)
	dir := t.TempDir()
	for _, tt := range []struct {
		name, file, want string
		args             []string
	}{
		{"Markdown by default", "", "# web-01 reached db\\-01", nil},
		{"JSON", "", "{\n  \"type\": \"incident\",", []string{"--output", "json"}},
		{"HTML by the file's name", "x.html", "<!DOCTYPE html>", nil},
		{"Markdown in a file", "x.md", "# web-01 reached db\\-01", nil},
		{"the format of --output, whatever the extension", "y.md", "{", []string{"--output", "json"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			args := append([]string{"incidents", "report", "aaaaaaaa1", "--server", s.URL}, tt.args...)
			path := filepath.Join(dir, tt.file)
			if tt.file != "" {
				args = append(args, "--out", path)
			}
			got, err := execute(t, args...)
			if err != nil {
				t.Fatal(err)
			}
			if tt.file != "" {
				if got != "" {
					t.Errorf("printed %q", got)
				}
				data, err := os.ReadFile(path)
				info, err2 := os.Stat(path)
				if err != nil || err2 != nil || info.Mode().Perm() != 0o600 {
					t.Fatalf("%v, %v, %v", err, err2, info)
				}
				got = string(data)
			}
			if want := strings.ReplaceAll(tt.want, `\-`, "-"); !strings.HasPrefix(got, want) {
				t.Errorf("got\n%.200s\nwant it to begin with %s", got, want)
			}
		})
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 3 {
		t.Errorf("%v, %v: want three files and nothing else", entries, err)
	}
}

func TestIncidentsMistakes(t *testing.T) {
	t.Parallel()
	s := clitest.Start(t) // without the stream
	var usage *daemon.UsageError
	for _, tt := range []struct {
		name    string
		args    []string
		isUsage bool
		want    []string
	}{
		{"no id", []string{"show"}, true, []string{"want the id of one incident", "headstart incidents show --help"}},
		{"an empty id", []string{"show", ""}, true, []string{"want the id of one incident"}},
		{"two ids", []string{"report", "a", "b"}, true, []string{"want the id of one incident"}},
		{"an argument of list", []string{"list", "x"}, true, []string{`"x"`}},
		{"an unknown output", []string{"list", "--output", "xml"}, true, []string{"want text or json"}},
		{"an unknown format", []string{"report", "a", "--output", "pdf"}, true, []string{"want markdown, json or html"}},
		{"the former name of a flag", []string{"report", "a", "--format", "json"}, true, []string{"the flag is now --output"}},
		{"a negative time", []string{"list", "--since", "-1h"}, true, []string{"--since"}},
		{"a server that is none", []string{"list", "--server", "://"}, true, []string{"--server"}},
		{"no server there", []string{"list", "--server", "nats://127.0.0.1:1"}, false, []string{"connect to NATS at nats://127.0.0.1:1", "'headstart run' starts a system", "NATS_URL"}},
		{"no incidents there", []string{"list", "--server", s.URL}, false, []string{"stream INCIDENTS", "is one running there?"}},
		{"nothing to show there", []string{"show", "a", "--server", s.URL}, false, []string{"stream INCIDENTS", "is one running there?"}},
		{"nothing to watch there", []string{"watch", "--server", s.URL}, false, []string{"INCIDENTS", "is one running there?"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, err := execute(t, append([]string{"incidents"}, tt.args...)...)
			if err == nil || errors.As(err, &usage) != tt.isUsage {
				t.Fatalf("got %v, want a usage error: %v", err, tt.isUsage)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got\n%v\nwant %q in it", err, want)
				}
			}
			if out != "" {
				t.Errorf("printed:\n%s", out)
			}
		})
	}
}

func TestIncidentsWatch(t *testing.T) {
	t.Parallel()
	for _, output := range []string{"text", "json"} {
		t.Run(output, func(t *testing.T) {
			s := startWithIncidents(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			out := new(clitest.Buffer)
			ended := make(chan error, 1)
			go func() {
				ended <- clitest.ExecuteIn(ctx, clitest.Root(NewCommand()), out, "incidents", "watch", "--server", s.URL, "--output", output)
			}()
			// The command doesn't report its subscription: publish until it prints.
			n := 0
			clitest.Wait(t, "it prints a revision", func() bool {
				n++
				s.PublishIncidents(t, clitest.Incident(fmt.Sprintf("%08d", n), func(i *event.Incident) { i.Title = "seen" }))
				return strings.Contains(out.String(), "seen")
			})
			s.PublishIncidents(t, clitest.Incident("eeeeeeee6666", nil), clitest.Incident("eeeeeeee6666", func(i *event.Incident) { i.Revision, i.State = 2, event.IncidentResolved }))
			want := "incident resolved"
			if output == "json" {
				want = `"state":"resolved"`
			}
			clitest.Wait(t, "the end of an incident", func() bool { return strings.Contains(out.String(), want) })
			cancel()
			if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			if strings.Contains(out.String(), "Before") {
				t.Errorf("it prints an earlier revision:\n%s", out)
			}
			if output == "text" && !strings.Contains(out.String(), "headstart incidents show --server "+s.URL+" eeeeeeee") {
				t.Errorf("it doesn't print the command for details:\n%s", out)
			}
		})
	}
}

func TestCompletionOfIncidents(t *testing.T) {
	t.Parallel()
	s := startWithIncidents(t)
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"all, the urgent first", []string{"show", "--server", s.URL, ""},
			"aaaaaaaa2222\tcritical: files-01: A sweep\naaaaaaaa1111\thigh: web-01 reached db-01: A long session\ndddddddd5555\thigh: Old\nbbbbbbbb3333\tlow: web-02: Seldom\ncccccccc4444\thigh: Over\n:36\n"},
		{"what begins so", []string{"report", "--server", s.URL, "b"}, "bbbbbbbb3333\tlow: web-02: Seldom\n:36\n"},
		{"one is enough", []string{"show", "--server", s.URL, "bbbbbbbb3333", ""}, ":36\n"},
		{"without a system", []string{"show", "--server", "nats://127.0.0.1:1", ""}, ":36\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, err := execute(t, append([]string{"__complete", "incidents"}, tt.args...)...)
			if err != nil || !strings.HasPrefix(out, tt.want) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
