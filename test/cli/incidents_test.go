package cli_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"headstart/event"
	"headstart/test/cli"
	"headstart/test/process"
)

// query runs a command on the web server, as a user who is logged in there.
func (q *quiet) query(t *testing.T, columns int, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return cli.Run(t, cli.Spec{Path: process.Build(t, program)[program], Args: args, Columns: columns, Within: q.web.Do})
}

// TestIncidentFromFirstLineToReport follows what headstart run prints of an
// incident: list it, show it, report it, list the hosts that report.
func TestIncidentFromFirstLineToReport(t *testing.T) {
	q := newQuiet(t)
	share := q.serve(445)
	running := cli.Start(t, q.run(t, 0, "--threshold", "25"))
	running.Await("it is ready", func() bool { return strings.Contains(running.Stderr(), "Ctrl-C stops it") })
	q.connect(t, share)
	title := fmt.Sprintf("web-01 reached %s: Web server connects to a file share", q.other.Address)
	shows(running, "HIGH "+title+" incident opened")
	shows(running, "web-01 (entry)")
	shows(running, "First: block web-01")
	_, line, _ := strings.Cut(running.Stdout(), "headstart incidents show ")
	id := strings.Fields(line)[0]

	stdout, stderr, code := q.query(t, 0, "incidents", "list")
	if code != 0 || stderr != "" || !strings.Contains(words(stdout), id+" high open 35 ") && !strings.Contains(words(stdout), id+" high updated 35 ") || !strings.Contains(words(stdout), title) {
		t.Errorf("list: exit code %d\n%s%s", code, stdout, stderr)
	}
	stdout, _, code = q.query(t, 72, "incidents", "show", id)
	for _, want := range []string{"HIGH " + title, "Why 30 smb-from-web-server", "Hosts web-01 entry", "Path", "Timeline", "Response", "nft add rule inet headstart input ip saddr " + q.web.Address.String()} {
		if code != 0 || !strings.Contains(words(stdout), want) {
			t.Errorf("show: exit code %d, no %q in\n%s", code, want, stdout)
		}
	}
	if !strings.Contains(stdout, "\x1b[31mHIGH\x1b[0m") {
		t.Error("no colours on a terminal")
	}
	page := filepath.Join(t.TempDir(), "incident.html")
	stdout, stderr, code = q.query(t, 0, "incidents", "report", id, "--out", page)
	text, err := os.ReadFile(page)
	if code != 0 || stdout+stderr != "" || err != nil || !strings.Contains(string(text), "<h1>"+title+"</h1>") || !strings.Contains(string(text), "<svg ") {
		t.Errorf("report: exit code %d, %v\n%s%s%s", code, err, stdout, stderr, text)
	}
	stdout, _, code = q.query(t, 0, "incidents", "report", id, "--output", "json")
	if i, err := event.DecodeIncident([]byte(stdout)); code != 0 || err != nil || !strings.HasPrefix(i.ID, id) || i.Title != title {
		t.Errorf("report as JSON: exit code %d, %v\n%s", code, err, stdout)
	}
	stdout, _, code = q.query(t, 0, "hosts")
	if code != 0 || !strings.Contains(words(stdout), "web-01 reports 0s ago 200ms ok 1 2 0 "+q.web.Address.String()) {
		t.Errorf("hosts: exit code %d\n%s", code, stdout)
	}
	stdout, _, code = q.query(t, 0, "hosts", "--output", "json")
	var host struct{ Type, Host, State string }
	if err := json.Unmarshal([]byte(stdout), &host); code != 0 || err != nil || host.Type != "host" || host.Host != "web-01" || host.State != "reports" {
		t.Errorf("hosts as JSON: exit code %d, %v\n%s", code, err, stdout)
	}

	watching := cli.Start(t, cli.Spec{Path: process.Build(t, program)[program], Args: []string{"incidents", "watch", "--output", "json"}, Within: q.web.Do})
	// When it follows it doesn't say.
	other := uint16(5900)
	watching.Await("a revision", func() bool {
		if !strings.Contains(watching.Stdout(), `"type":"incident"`) {
			q.connect(t, q.serve(other))
			other++
		}
		return strings.Contains(watching.Stdout(), id)
	})
	watching.Type(cli.CtrlC)
	if code := watching.Wait(); code != 0 || watching.Stderr() != "" {
		t.Errorf("watch: exit code %d\n%s", code, watching.Stderr())
	}
	running.Type(cli.CtrlC)
	if code := running.Wait(); code != 0 {
		t.Errorf("after Ctrl-C exit code %d, want 0", code)
	}
}

// TestFailedQueriesHaveExitCodes queries what cannot be answered: the exit code is 2 for a
// mistake in the question, and 1 for what isn't there.
func TestFailedQueriesHaveExitCodes(t *testing.T) {
	q := newQuiet(t)
	for _, args := range [][]string{{"incidents", "list"}, {"incidents", "show", "a"}, {"incidents", "watch"}, {"hosts"}} {
		stdout, stderr, code := q.query(t, 0, args...)
		if code != 1 || stdout != "" || !strings.Contains(stderr, "error: connect to NATS at nats://127.0.0.1:4222") || !strings.Contains(stderr, "'headstart run' starts a system") {
			t.Errorf("%s without a system: exit code %d\n%s%s", args, code, stdout, stderr)
		}
	}
	running := cli.Start(t, q.run(t, 0))
	running.Await("it is ready", func() bool { return strings.Contains(running.Stderr(), "Ctrl-C stops it") })
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"incidents", "show", "abcd"}, 1, `no incident has an id that begins with "abcd"`},
		{[]string{"incidents", "report", "abcd"}, 1, "'headstart incidents list --all' lists all"},
		{[]string{"incidents", "show"}, 2, "want the id of one incident"},
		{[]string{"incidents", "shwo", "a"}, 2, "did you mean show?"},
		{[]string{"incidents", "list", "--output", "xml"}, 2, "want text or json"},
		{[]string{"hosts", "web-01"}, 2, "headstart hosts --help"},
	} {
		stdout, stderr, code := q.query(t, 0, tt.args...)
		if code != tt.code || stdout != "" || !strings.Contains(stderr, tt.want) {
			t.Errorf("%s: exit code %d, want %d and %q\n%s%s", tt.args, code, tt.code, tt.want, stdout, stderr)
		}
	}
	stdout, stderr, code := q.query(t, 0, "incidents", "list")
	if code != 0 || stdout != "" || !strings.Contains(stderr, "no matching incidents of 0") {
		t.Errorf("an empty list: exit code %d\n%s%s", code, stdout, stderr)
	}
}
