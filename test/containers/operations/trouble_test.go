package operations_test

import (
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"headstart/bus/natstest"
	"headstart/test/containers/manual"
	"headstart/test/process"
)

// mistake is how to get a message that the document explains.
type mistake struct {
	program string
	args    []string
	env     []string
}

// TestMessagesAreExplained makes every mistake that the document lists, and
// looks for the message and the exit code that it promises.
func TestMessagesAreExplained(t *testing.T) {
	mistakes := makeMistakes(t)
	paths := process.Build(t, pollerProgram, trackerProgram, correlatorProgram, notifierProgram)
	for _, row := range manual.Table(t, "Troubleshooting", "it says") {
		message := manual.Code(row[0])
		m, ok := mistakes[message]
		if !ok {
			t.Errorf("no test produces the message %q", message)
			continue
		}
		delete(mistakes, message)
		t.Run(message, func(t *testing.T) {
			text := regexp.MustCompile(strings.ReplaceAll(regexp.QuoteMeta(message), "…", `(?s:.*)`))
			p := process.Start(t, process.Spec{Path: paths[m.program], Args: m.args, Env: m.env})
			if row[1] == "–" {
				await(t, "the message", func() error { return match(text, p.Output()) })
				p.Kill()
				return
			}
			code := p.Wait()
			if err := match(text, p.Output()); err != nil {
				t.Error(err)
			}
			if want, err := strconv.Atoi(row[1]); err != nil || code != want {
				t.Errorf("exit code %d, want %s", code, row[1])
			}
		})
	}
	for message := range mistakes {
		t.Errorf("docs/operations.md doesn't explain %q", message)
	}
}

type noMatch string

func (n noMatch) Error() string { return "the output is:\n" + string(n) }

func match(want *regexp.Regexp, text string) error {
	if want.MatchString(text) {
		return nil
	}
	return noMatch(text)
}

func makeMistakes(t *testing.T) map[string]mistake {
	t.Helper()
	dir := t.TempDir()
	file := func(name, text string) string {
		name = filepath.Join(dir, name)
		writeFile(t, name, text)
		return name
	}
	whole := natstest.Start(t)
	guarded := natstest.Start(t, natstest.User("services", "secret"))
	encrypted := startGuarded(t)
	without := natstest.Start(t, func(o *server.Options) { o.JetStream = false })
	small := natstest.Start(t, func(o *server.Options) { o.JetStreamMaxStore = 100 << 20 })
	configured := natstest.Start(t)
	makeStreams(t, configured.URL)
	const nowhere = "nats://127.0.0.1:1" // tcpmux: nothing listens there

	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	spool := t.TempDir()
	holder := process.Start(t, process.Spec{
		Path: process.Build(t, pollerProgram)[pollerProgram], Args: []string{"--server", nowhere, "--spool", spool},
	})
	await(t, "the spool is in use", func() error { return match(regexp.MustCompile(`spooling snapshots`), holder.Output()) })
	broken := t.TempDir()
	writeFile(t, filepath.Join(broken, "rule.yaml"), "rule: x\ntitle: A mistake\nseverity: low\nwhen: conn.prt == 22\n")
	inventory := file("inventory.yaml", "hosts:\n  web-01: {adresses: [10.1.1.10]}\n")
	receivers := file("notifier.yaml", "receivers:\n  - {name: tickets, webhook: {url_env: NO_SUCH_VARIABLE}}\n")

	return map[string]mistake{
		"unknown flag --…; did you mean --…?":                         {program: pollerProgram, args: []string{"--intervall", "3s"}},
		"environment variable HEADSTART_…: …":                         {program: pollerProgram, env: []string{"HEADSTART_INTERVAL=often"}},
		"nats not reachable yet":                                      {program: trackerProgram, args: []string{"--server", nowhere}},
		"can't send, spooling snapshots":                              {program: pollerProgram, args: []string{"--server", nowhere}},
		"connect to NATS at …: nats: Authorization Violation":         {program: trackerProgram, args: []string{"--server", guarded.URL}},
		`Permissions Violation for Publish to \"snapshot.…\"`:         {program: pollerProgram, args: append(encrypted.flags("web-01"), "--host", "web-02")},
		"x509: certificate signed by unknown authority":               {program: trackerProgram, args: []string{"--server", encrypted.url}},
		"secure connection not available":                             {program: trackerProgram, args: []string{"--server", strings.Replace(whole.URL, "nats:", "tls:", 1)}},
		"--nkey: stat …: no such file or directory":                   {program: pollerProgram, args: []string{"--nkey", filepath.Join(dir, "nowhere")}},
		"--tlscert and --tlskey: must be given together":              {program: pollerProgram, args: []string{"--tlscert", receivers}},
		"stream SNAPSHOTS: nats: no responders available for request": {program: trackerProgram, args: []string{"--server", without.URL}},
		"insufficient storage resources available":                    {program: trackerProgram, args: []string{"--server", small.URL}},
		"replicas > 1 not supported in non-clustered mode":            {program: trackerProgram, args: []string{"--server", whole.URL, "--replicas", "3"}},
		"configuration differs: change the flags, or the stream with 'nats stream edit': max bytes (--storage) is …, want …": {
			program: trackerProgram, args: []string{"--server", configured.URL, "--storage", "32MiB"},
		},
		"listen for metrics and health: listen tcp …: bind: address already in use": {
			program: pollerProgram, args: []string{"--server", nowhere, "--listen", taken.Addr().String()},
		},
		"open spool: …: another spool uses it":      {program: pollerProgram, args: []string{"--server", nowhere, "--spool", spool}},
		"open spool: mkdir …":                       {program: pollerProgram, args: []string{"--server", nowhere, "--spool", "/proc/spool"}},
		"read boot id: open …":                      {program: pollerProgram, args: []string{"--server", nowhere, "--proc", dir}},
		"open …/net/tcp: no such file or directory": {program: pollerProgram, args: []string{"--once", "--proc", dir}},
		"want a directory with rule files (*.yaml)": {program: correlatorProgram, args: []string{"--server", whole.URL, "--rules", receivers}},
		"the rules in … can't be used:":             {program: correlatorProgram, args: []string{"--server", whole.URL, "--rules", broken}},
		"--inventory: …: unknown key …":             {program: correlatorProgram, args: []string{"--server", whole.URL, "--inventory", inventory}},
		"--config: missing":                         {program: notifierProgram},
		"--config: …: the environment variable … is not set": {
			program: notifierProgram, args: []string{"--server", whole.URL, "--config", receivers},
		},
	}
}

// makeStreams lets a tracker make its streams, smaller than the default.
func makeStreams(t *testing.T, url string) {
	t.Helper()
	listen := process.FreeAddress(t, "127.0.0.1")
	tracker := process.Start(t, process.Spec{
		Path:  process.Build(t, trackerProgram)[trackerProgram],
		Args:  []string{"--server", url, "--storage", "16MiB", "--listen", listen},
		Ready: process.Answers("http://" + listen + "/readyz"),
	})
	tracker.WaitReady()
	tracker.Stop()
}

// TestKeysAreMadeAsDocumented runs the section's commands with NATS' own tools.
func TestKeysAreMadeAsDocumented(t *testing.T) {
	g := startGuarded(t)
	const nk = "github.com/nats-io/nkeys/nk"
	tools := process.Build(t, nk, process.NATSServer)
	var text []string
	for _, command := range manual.Commands(t, "NATS", "sh") {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", strings.ReplaceAll(command, "/etc/nats/", g.dir+"/"))
		cmd.Dir = g.dir
		cmd.Env = append(cmd.Environ(), "PATH="+filepath.Dir(tools[nk])+":/usr/bin:/bin")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
		text = append(text, strings.TrimSpace(string(out)))
	}
	if public := text[1]; !strings.HasPrefix(public, "U") || len(public) != 56 {
		t.Errorf("the public key is %q", public)
	}
	if last := text[len(text)-1]; !strings.Contains(last, "is valid") {
		t.Errorf("the configuration check printed %q", last)
	}
}
