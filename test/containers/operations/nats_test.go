package operations_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nkeys"

	"headstart/bus/natstest"
	"headstart/test/containers/manual"
	"headstart/test/process"
)

// guarded is a nats-server with the configuration in deploy/nats, keys that
// the test has made, and a certificate.
type guarded struct {
	*process.Process
	url       string
	authority string // file
	dir       string // of the configuration
	seeds     map[string]string
}

// The users of deploy/nats, by what stands at their key.
var users = []string{"services", "web-01", "db-01"}

// startGuarded starts the server of deploy/nats.
func startGuarded(t *testing.T) *guarded {
	t.Helper()
	g := &guarded{dir: t.TempDir(), seeds: map[string]string{}}
	address, monitor := process.FreeAddress(t, "127.0.0.1"), process.FreeAddress(t, "127.0.0.1")
	authority := natstest.NewAuthority(t)
	certificate, key := authority.Issue(t, "nats")
	g.url, g.authority = "tls://"+address, authority.File

	from := filepath.Join(manual.Root(t), "deploy/nats")
	config := readFile(t, filepath.Join(from, "headstart.conf"))
	for old, own := range map[string]string{
		"0.0.0.0:4222":          address,
		"127.0.0.1:8222":        monitor,
		"/etc/nats/tls/tls.crt": certificate,
		"/etc/nats/tls/tls.key": key,
		"/var/lib/nats":         t.TempDir(),
	} {
		config = replaceOnce(t, config, old, own)
	}
	config = g.giveKey(t, config, "# tracker, correlator, notifier", "services")
	hosts := readFile(t, filepath.Join(from, "hosts.conf"))
	for _, host := range users[1:] {
		hosts = g.giveKey(t, hosts, "snapshot."+host, host)
	}
	g.write(t, "headstart.conf", config)
	g.write(t, "hosts.conf", hosts)

	g.Process = process.Start(t, process.Spec{
		Path:  process.Build(t, process.NATSServer)[process.NATSServer],
		Args:  []string{"--config", filepath.Join(g.dir, "headstart.conf")},
		Ready: process.Answers("http://" + monitor + "/healthz"),
	})
	g.WaitReady()
	return g
}

// giveKey puts a new public key in the place of the example that follows or
// shares a line with a mark, and writes its seed to a file.
func (g *guarded) giveKey(t *testing.T, config, mark, user string) string {
	t.Helper()
	before, after, ok := strings.Cut(config, mark)
	if !ok {
		t.Fatalf("deploy/nats doesn't mention %q", mark)
	}
	// A public key of a user has 56 characters.
	const begin, length = "{nkey: ", 56
	line := strings.LastIndex(before, "\n") + 1
	if at := strings.Index(before[line:], begin); at >= 0 {
		at += line + len(begin)
		return before[:at] + g.newUser(t, user) + before[at+length:] + mark + after
	}
	at := strings.Index(after, begin) + len(begin)
	return before + mark + after[:at] + g.newUser(t, user) + after[at+length:]
}

// newUser makes a key pair, keeps the seed in a file and returns the public
// key.
func (g *guarded) newUser(t *testing.T, user string) string {
	t.Helper()
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := pair.Seed()
	if err != nil {
		t.Fatal(err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	g.seeds[user] = g.write(t, user+".nkey", string(seed))
	return public
}

func (g *guarded) write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(g.dir, name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// flags are those with which a service comes in as a user.
func (g *guarded) flags(user string) []string {
	return []string{"--server", g.url, "--tlsca", g.authority, "--nkey", g.seeds[user]}
}

func readFile(t testing.TB, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func replaceOnce(t testing.TB, text, old, own string) string {
	t.Helper()
	if n := strings.Count(text, old); n != 1 {
		t.Fatalf("%q stands %d times where it should stand once", old, n)
	}
	return strings.Replace(text, old, own, 1)
}

func port(t testing.TB, address string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return port
}
