package cli_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"headstart/test/cli"
	"headstart/test/lab"
	"headstart/test/process"
)

const program = "headstart/cmd/headstart"

// quiet are hosts on which nothing goes on but what a test does: a web server,
// on which headstart runs, and one that it talks to.
type quiet struct {
	web, other *lab.Host
	data       string
}

func newQuiet(t *testing.T) *quiet {
	t.Helper()
	l := lab.New(t)
	return &quiet{web: l.Host("web"), other: l.Host("other"), data: filepath.Join(t.TempDir(), "data")}
}

// run is headstart run on the web server, with the ports that it has by
// default.
func (q *quiet) run(t *testing.T, columns int, args ...string) cli.Spec {
	t.Helper()
	args = append([]string{"run", "--data", q.data, "--host", "web-01", "--roles", "web", "--interval", "200ms"}, args...)
	return cli.Spec{Path: process.Build(t, program)[program], Args: args, Columns: columns, Within: q.web.Do}
}

// serve makes the other host listen.
func (q *quiet) serve(port uint16) netip.AddrPort {
	q.other.Serve("tcp4", fmt.Sprintf("%s:%d", q.other.Address, port))
	return netip.AddrPortFrom(q.other.Address, port)
}

func (q *quiet) connect(t *testing.T, to netip.AddrPort) *lab.Session {
	t.Helper()
	s, err := q.web.Open(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var colours = regexp.MustCompile(`\x1b\[[0-9;]+m`)

// shows waits until a program's output has a text, spelled with one space
// wherever there is space.
func shows(p *cli.Program, text string) {
	p.Await(fmt.Sprintf("%q is shown", text), func() bool { return strings.Contains(words(p.Stdout()), text) })
}

func words(s string) string {
	return strings.Join(strings.Fields(colours.ReplaceAllString(s, "")), " ")
}

func TestRunOnATerminal(t *testing.T) {
	q := newQuiet(t)
	api, share := q.serve(8080), q.serve(445)
	const columns = 72
	p := cli.Start(t, q.run(t, columns, "--show", "alerts,connections"))
	for _, line := range []string{
		"host web-01, every 200ms", "roles web", "of the default ruleset (--rules DIR", "notifies this terminal", "metrics http://127.0.0.1:9470/metrics",
		"NATS nats://127.0.0.1:4222", "data " + q.data, "Ctrl-C stops it",
	} {
		shows(p, line)
	}
	shows(p, "started web-01 0 connections open, 2 ports listening")
	session := q.connect(t, api)
	shows(p, fmt.Sprintf("opened %s → %s, outbound", q.web.Address, api))
	if err := session.End(lab.ClientCloses); err != nil {
		t.Fatal(err)
	}
	shows(p, fmt.Sprintf("closed %s → %s, outbound, open for", q.web.Address, api))
	q.connect(t, share)
	shows(p, "HIGH Web server connects to a file share smb-from-web-server")
	shows(p, fmt.Sprintf("web-01 %s → %s ESTABLISHED", q.web.Address, share))
	shows(p, "First: Which process made the connection")
	shows(p, fmt.Sprintf("HIGH web-01 reached %s: Web server connects to a file share risk score", q.other.Address))
	p.Type(cli.CtrlC)
	if code := p.Wait(); code != 0 {
		t.Errorf("after Ctrl-C exit code %d, want 0", code)
	}
	screen := p.Stdout()
	if strings.Contains(screen, "level=") || strings.Contains(screen, "error:") {
		t.Error("an undisturbed run has warnings")
	}
	if !strings.Contains(screen, "\x1b[31mHIGH\x1b[0m") {
		t.Error("no colours on a terminal")
	}
	for line := range strings.Lines(colours.ReplaceAllString(screen, "")) {
		line = strings.TrimRight(line, "\r\n")
		if utf8.RuneCountInString(line) > columns && !strings.Contains(line, q.data) {
			t.Errorf("%q is longer than the terminal's %d columns", line, columns)
		}
	}
}

func TestStartedAgainItGoesOnWhereItWas(t *testing.T) {
	q := newQuiet(t)
	api, share := q.serve(8080), q.serve(445)
	q.connect(t, api)
	seen := ""
	var ports []netip.AddrPort
	for n, end := range []func(*cli.Program){
		func(p *cli.Program) { p.Type(cli.CtrlC); p.Wait() },
		func(p *cli.Program) { p.Kill() },
		func(p *cli.Program) { p.Type(cli.CtrlC); p.Wait() },
	} {
		p := cli.Start(t, q.run(t, 0, "--show", "alerts,connections"))
		if n == 0 {
			shows(p, "started web-01 1 connection open")
			q.connect(t, share)
			shows(p, "HIGH Web server connects to a file share")
			shows(p, "notified from")
		}
		ports = append(ports, q.serve(uint16(9000+n)))
		q.connect(t, ports[n])
		shows(p, fmt.Sprintf("opened %s → %s, outbound", q.web.Address, ports[n]))
		end(p)
		seen += words(p.Stdout())
	}
	opened := func(to netip.AddrPort) string { return fmt.Sprintf("opened %s → %s,", q.web.Address, to) }
	for text, want := range map[string]int{
		"started web-01": 1,
		"Web server connects to a file share smb-from-web-server":                              1,
		fmt.Sprintf("web-01 reached %s: Web server connects to a file share", q.other.Address): 1,
		opened(api):      0, // it was open before the first look
		opened(share):    1,
		opened(ports[0]): 1,
		opened(ports[1]): 1,
		opened(ports[2]): 1,
		"closed":         0,
		"listening":      1, // in the line of the start
	} {
		if got := strings.Count(seen, text); got != want {
			t.Errorf("%q is there %d times, want %d:\n%s", text, got, want, seen)
		}
	}
}

func TestRunIntoAPipe(t *testing.T) {
	for _, tt := range []struct {
		name    string
		args    []string
		looking string
	}{
		{"as text", []string{"--show", "alerts,connections"}, "started web-01"},
		{"as JSON lines", []string{"--output", "json", "--show", "connections"}, `"change":"listening"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := newQuiet(t)
			share := q.serve(445)
			p := cli.Start(t, q.run(t, 0, tt.args...))
			p.Await("the addresses of the parts on standard error", func() bool { return strings.Contains(p.Stderr(), "Ctrl-C stops it") })
			shows(p, tt.looking)
			q.connect(t, share)
			shows(p, "opened")
			shows(p, "smb-from-web-server")
			shows(p, fmt.Sprintf("web-01 reached %s: Web server connects to a file share", q.other.Address))
			p.Type(cli.CtrlC)
			if code := p.Wait(); code != 0 {
				t.Errorf("after Ctrl-C exit code %d, want 0", code)
			}
			if strings.Contains(p.Stdout(), "\x1b") || strings.Contains(p.Stderr(), "\x1b") {
				t.Error("colours in a pipe")
			}
			if strings.Contains(p.Stdout(), "Ctrl-C") {
				t.Error("the greeting is in standard output, where a program reads")
			}
			if tt.name == "as JSON lines" {
				checkLines(t, p.Stdout(), share)
			}
		})
	}
}

// checkLines checks JSON lines that hold a connection to a share.
func checkLines(t *testing.T, out string, share netip.AddrPort) {
	t.Helper()
	lines := map[string]int{}
	for line := range strings.Lines(out) {
		var got struct {
			Type, Host, Rule, Change, Title string
			Hosts                           []string
			Connection                      struct {
				Destination netip.Addr
				Port        uint16
			}
		}
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if got.Type == "incident" {
			if !slices.Contains(got.Hosts, "web-01") || got.Title == "" {
				t.Errorf("no host or title in %s", line)
			}
			lines["incident"]++
			continue
		}
		if got.Host != "web-01" {
			t.Errorf("no host in %s", line)
		}
		if netip.AddrPortFrom(got.Connection.Destination, got.Connection.Port) == share {
			lines[got.Type+" "+got.Change+got.Rule]++
		}
	}
	if lines["connection opened"] != 1 || lines["alert smb-from-web-server"] != 1 || lines["incident"] == 0 {
		t.Errorf("to the share: %v, want one connection opened, one alert, and an incident", lines)
	}
}

func TestNoColorOnATerminal(t *testing.T) {
	q := newQuiet(t)
	spec := q.run(t, 80, "--show", "connections")
	spec.Env = []string{"NO_COLOR=1"}
	p := cli.Start(t, spec)
	shows(p, "started web-01")
	p.Type(cli.CtrlC)
	if code := p.Wait(); code != 0 {
		t.Errorf("after Ctrl-C exit code %d, want 0", code)
	}
	if strings.Contains(p.Stdout(), "\x1b") {
		t.Errorf("colours in spite of NO_COLOR: %q", p.Stdout())
	}
}

// nobody is a user without a home and without rights.
const nobody = 65534

// installed copies the program to where every user may run it, and lets every
// user into the test's directories.
func installed(t *testing.T) string {
	t.Helper()
	program, err := os.ReadFile(process.Build(t, program)[program])
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "headstart")
	if err := os.WriteFile(path, program, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRunWithoutRoot(t *testing.T) {
	q := newQuiet(t)
	api := q.serve(8080)
	if err := os.Mkdir(q.data, 0o700); err != nil {
		t.Fatal(err)
	}
	spec := q.run(t, 0, "--show", "connections")
	spec.Path, spec.User, spec.Env = installed(t), nobody, []string{"HOME=/nonexistent"}

	_, stderr, code := cli.Run(t, spec)
	if code != 1 || !strings.Contains(stderr, "permission denied") || !strings.Contains(stderr, "choose another with --data") {
		t.Errorf("with root's data directory: exit code %d, %s", code, stderr)
	}
	if err := os.Chown(q.data, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	p := cli.Start(t, spec)
	shows(p, "started web-01")
	q.connect(t, api)
	shows(p, fmt.Sprintf("opened %s → %s, outbound", q.web.Address, api))
	p.Type(cli.CtrlC)
	if code := p.Wait(); code != 0 {
		t.Errorf("after Ctrl-C exit code %d, want 0", code)
	}
	if strings.Contains(p.Stderr(), "level=") {
		t.Errorf("warnings: %s", p.Stderr())
	}
}
