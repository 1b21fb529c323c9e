package containers_test

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"headstart/bus/natstest"
	"headstart/event"
	"headstart/test/containers/manual"
	"headstart/test/engine"
	"headstart/test/process"
)

const pollerProgram = "headstart/cmd/poller"

// TestSystemdUnit installs the poller on a host with systemd, with the commands
// that docs/operations.md gives. The host is a container that has this
// machine's /usr.
func TestSystemdUnit(t *testing.T) {
	e := engine.Start(t)
	seed, public := newUser(t)
	nats := natstest.Start(t, natstest.NKey(public), func(o *server.Options) { o.Host = e.Gateway().String() })
	store := openStore(t, nats.URL, seed)
	h := newHost(t, e, seed)
	defer h.remove()
	h.awaitUp()
	const other, port = 4321, 9999 // a user's id, and where a process of his listens
	h.engine.Docker("exec", "--detach", "--user", fmt.Sprint(other), h.id,
		"/src/bin/poller", "--server", "nats://127.0.0.1:1", "--listen", fmt.Sprintf("127.0.0.1:%d", port))

	for _, command := range manual.Commands(t, "systemd", "sh") {
		t.Log("$", command)
		h.run(strings.TrimPrefix(command, "sudo "))
		if strings.HasSuffix(command, "poller.env") {
			h.run("sed -i s#nats://nats.example.com:4222#" + nats.URL + "# /etc/headstart/poller.env")
			h.run("echo HEADSTART_INTERVAL=1s >> /etc/headstart/poller.env")
		}
	}
	var s event.Snapshot
	h.await("a snapshot with the other user's socket", func() (err error) {
		s, err = store.last(h.t)
		if err == nil && !slices.ContainsFunc(s.Sockets, func(s event.Socket) bool { return s.LocalPort == port && s.UID == other }) {
			err = fmt.Errorf("the sockets are %+v", s.Sockets)
		}
		return err
	})
	if want := event.AddressFrom(h.address()); !slices.Contains(s.Addresses, want) {
		t.Errorf("the host's addresses are %v, without %v", s.Addresses, want)
	}

	h.run("systemd-analyze security --no-pager --threshold=20 headstart-poller") // of 100; less is safer
	if said := h.run("systemd-analyze verify headstart-poller.service 2>&1"); said != "" {
		t.Errorf("systemd has something to say about the unit: %s", said)
	}
	pid := h.run("systemctl show --property MainPID --value headstart-poller")
	status := h.run("cat /proc/" + pid + "/status")
	for _, want := range []string{"CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"} {
		if !strings.Contains(status, want) {
			t.Errorf("the poller's process isn't as confined as it should be: %s", status)
		}
	}

	waiting := func() []string { return strings.Fields(h.run("ls /var/lib/headstart-poller")) }
	empty := len(waiting())
	nats.Stop(t)
	h.await("snapshots wait on disk", func() error {
		if n := len(waiting()); n <= empty {
			return fmt.Errorf("%d files", n)
		}
		return nil
	})
	before := s.Sequence
	nats.Restart(t)
	h.await("snapshots are sent again", func() error {
		if s, err := store.last(h.t); err != nil || s.Sequence <= before {
			return fmt.Errorf("snapshot %d, %v", s.Sequence, err)
		}
		if n := len(waiting()); n > empty {
			return fmt.Errorf("%d files are left", n)
		}
		return nil
	})
	h.run("systemctl stop headstart-poller")
	if got := h.run("systemctl show --property Result,ExecMainStatus headstart-poller"); got != "Result=success\nExecMainStatus=0" {
		t.Errorf("after stop: %s", got)
	}
}

// host is a container in which systemd is process 1.
type host struct {
	t         *testing.T
	engine    *engine.Engine
	image, id string
}

// newHost starts a host with what a clone of the repository has after `make
// build` in /src.
func newHost(t *testing.T, e *engine.Engine, seed string) *host {
	t.Helper()
	root, src := t.TempDir(), t.TempDir()
	for _, dir := range []string{"etc/systemd/system", "run", "tmp", "usr", "var/lib", "var/log", "root", "proc", "sys"} {
		must(t, os.MkdirAll(filepath.Join(root, dir), 0o755))
	}
	for _, dir := range []string{"bin", "sbin", "lib", "lib64"} {
		must(t, os.Symlink("usr/"+dir, filepath.Join(root, dir)))
	}
	for file, text := range map[string]string{
		"etc/passwd":        "root:x:0:0:root:/root:/bin/sh\n",
		"etc/group":         "root:x:0:\n",
		"etc/nsswitch.conf": "passwd: files systemd\ngroup: files systemd\n",
		"etc/machine-id":    "",
		"Dockerfile":        "FROM scratch\nCOPY . /\n",
	} {
		must(t, os.WriteFile(filepath.Join(root, file), []byte(text), 0o644))
	}
	must(t, os.CopyFS(filepath.Join(src, "deploy/systemd"), os.DirFS(filepath.Join(manual.Root(t), "deploy/systemd"))))
	must(t, os.Mkdir(filepath.Join(src, "bin"), 0o755))
	program, err := os.ReadFile(process.Build(t, pollerProgram)[pollerProgram])
	must(t, err)
	must(t, os.WriteFile(filepath.Join(src, "bin/poller"), program, 0o755))
	must(t, os.WriteFile(filepath.Join(src, "web-01.nkey"), []byte(seed), 0o600))

	h := &host{t: t, engine: e, image: e.Docker("build", "--quiet", root)}
	h.id = e.Docker("run", "--detach", "--hostname", "web-01", "--env", "container=docker", "--workdir", "/src",
		// What systemd needs to make namespaces and control groups. It makes
		// mounts in one namespace that it uses in another, credentials for
		// one, so they have to be shared, as on any host.
		"--cap-add", "SYS_ADMIN", "--cgroupns", "private", "--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined",
		"--tmpfs", "/run:exec", "--tmpfs", "/tmp",
		"--volume", "/usr:/usr:ro", "--volume", t.TempDir()+":/usr/local", "--volume", src+":/src:ro",
		h.image, "/bin/sh", "-c", "mount --make-rshared / && mount -o remount,rw /sys/fs/cgroup; mkdir -p /usr/local/bin; exec /usr/lib/systemd/systemd --unit=basic.target")
	return h
}

func (h *host) awaitUp() {
	h.t.Helper()
	h.await("systemd is up", func() error {
		if state := h.run("systemctl is-system-running 2>&1 || true"); state != "running" {
			return errors.New(state)
		}
		return nil
	})
}

// remove removes the container, after showing what it has to say when the test
// has failed.
func (h *host) remove() {
	if h.t.Failed() {
		h.t.Log(h.run("journalctl --no-pager --lines 50"))
	}
	h.engine.Docker("rm", "--force", h.id)
	h.engine.Docker("image", "rm", "--force", h.image)
}

// run runs a shell command in the host and returns its standard output.
func (h *host) run(command string) string {
	h.t.Helper()
	return h.engine.Docker("exec", h.id, "/bin/sh", "-c", command)
}

func (h *host) address() netip.Addr {
	h.t.Helper()
	address, err := netip.ParseAddr(h.engine.Docker("inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", h.id))
	must(h.t, err)
	return address
}

func (h *host) await(what string, try func() error) {
	h.t.Helper()
	(&stack{t: h.t}).await(what, try)
}

func newUser(t *testing.T) (seed, public string) {
	t.Helper()
	pair, err := nkeys.CreateUser()
	must(t, err)
	secret, err := pair.Seed()
	must(t, err)
	public, err = pair.PublicKey()
	must(t, err)
	return string(secret), public
}

// store reads what the poller has published.
type store struct{ js jetstream.JetStream }

// openStore makes the stream, as a tracker would.
func openStore(t *testing.T, url, seed string) store {
	t.Helper()
	pair, err := nkeys.FromSeed([]byte(seed))
	must(t, err)
	public, err := pair.PublicKey()
	must(t, err)
	nc, err := nats.Connect(url, nats.Nkey(public, pair.Sign), nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond))
	must(t, err)
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	must(t, err)
	_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: event.StreamSnapshots, Subjects: []string{"snapshot.*"}})
	must(t, err)
	return store{js}
}

// last returns the host's last snapshot.
func (s store) last(t *testing.T) (event.Snapshot, error) {
	t.Helper()
	var snapshot event.Snapshot
	stream, err := s.js.Stream(t.Context(), event.StreamSnapshots)
	if err != nil {
		return snapshot, err
	}
	m, err := stream.GetLastMsgForSubject(t.Context(), event.SnapshotSubject("web-01"))
	if err != nil {
		return snapshot, err
	}
	return snapshot, new(event.SnapshotDecoder).Decode(m.Data, &snapshot)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
