package operations_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"headstart/event"
	"headstart/test/process"
)

const (
	pollerProgram     = "headstart/cmd/poller"
	trackerProgram    = "headstart/cmd/tracker"
	correlatorProgram = "headstart/cmd/correlator"
	notifierProgram   = "headstart/cmd/notifier"
)

func TestHostsMaySpeakForThemselvesOnly(t *testing.T) {
	g := startGuarded(t)
	programs := process.Build(t, pollerProgram, trackerProgram)
	ready := process.FreeAddress(t, "127.0.0.1")
	tracker := process.Start(t, process.Spec{
		Path: programs[trackerProgram], Args: append(g.flags("services"), "--listen", ready),
		Ready: process.Answers("http://" + ready + "/readyz"),
	})
	tracker.WaitReady()
	services := g.connect(t, "services")
	eavesdropper := g.connect(t, "db-01")
	overheard, err := eavesdropper.SubscribeSync("_INBOX.>")
	if err != nil {
		t.Fatal(err)
	}

	poller := process.Start(t, process.Spec{
		Path: programs[pollerProgram], Args: append(g.flags("web-01"), "--host", "web-01", "--interval", "200ms", "--fastest", "100ms"),
	})
	await(t, "the snapshots of a host are compared", func() error { return holds(t, services, event.StreamConnections, 3) })
	await(t, "the poller obeys", func() error {
		text := fmt.Sprintf(`{"interval":"100ms","expires_at":%q}`, time.Now().Add(time.Minute).Format(time.RFC3339))
		if err := services.Publish("control.web-01", []byte(text)); err != nil {
			return err
		}
		if !strings.Contains(poller.Output(), "polling faster") {
			return errors.New("no sign of it in the log")
		}
		return nil
	})
	t.Run("what a host may do, it can", func(t *testing.T) {
		for _, try := range []attempt{publishing("snapshot.web-01"), subscribing("control.web-01"), subscribing("_INBOX.x.*")} {
			if err := try.as(t, g, "web-01"); err != nil {
				t.Errorf("%s: %v", try.what, err)
			}
		}
	})
	t.Run("all else is rejected", func(t *testing.T) {
		for _, try := range []attempt{
			publishing("snapshot.db-01"), publishing("connection.web-01"), publishing("alert.high.smb-from-web-server"), publishing("incident.x"),
			publishing("deadletter.tracker"), publishing("control.db-01"), publishing("control.web-01"), publishing("_INBOX.x"),
			publishing("$KV.TRACKER.state.web-01"), publishing("$KV.CORRELATOR.state.checkpoint"), publishing("$KV.NOTIFIER.soc.x"), publishing("$JS.API.STREAM.INFO.SNAPSHOTS"), publishing("$JS.API.STREAM.PURGE.SNAPSHOTS"),
			publishing("$JS.API.CONSUMER.CREATE.SNAPSHOTS.x"), publishing("$JS.API.DIRECT.GET.SNAPSHOTS"), publishing("$SYS.REQ.SERVER.PING"),
			subscribing("snapshot.*"), subscribing("snapshot.web-01"), subscribing("connection.*"), subscribing("alert.>"), subscribing("incident.*"),
			subscribing("control.db-01"), subscribing("control.*"), subscribing("$KV.>"), subscribing("$JS.>"), subscribing("$SYS.>"), subscribing(">"),
		} {
			if err := try.as(t, g, "web-01"); !errors.Is(err, nats.ErrPermissionViolation) {
				t.Errorf("%s: %v, want a violation of permissions", try.what, err)
			}
		}
	})
	t.Run("a poller that claims another host is rejected, and logs it", func(t *testing.T) {
		impostor := process.Start(t, process.Spec{Path: programs[pollerProgram], Args: append(g.flags("web-01"), "--host", "db-01")})
		await(t, "the poller complains", func() error {
			if !strings.Contains(impostor.Output(), `Permissions Violation for Publish to \"snapshot.db-01\"`) {
				return errors.New(impostor.Output())
			}
			return nil
		})
		stream, err := services.js.Stream(t.Context(), event.StreamSnapshots)
		if err != nil {
			t.Fatal(err)
		}
		if m, err := stream.GetLastMsgForSubject(t.Context(), "snapshot.db-01"); !errors.Is(err, jetstream.ErrMsgNotFound) {
			t.Errorf("a snapshot of db-01 is stored: %v, %v", m, err)
		}
	})
	t.Run("another host learns that something was stored, not what", func(t *testing.T) {
		if err := eavesdropper.FlushTimeout(10 * time.Second); err != nil {
			t.Fatal(err)
		}
		heard, _, err := overheard.Pending()
		if err != nil || heard == 0 {
			t.Fatalf("%d messages, %v", heard, err)
		}
		for range heard {
			m, err := overheard.NextMsg(10 * time.Second)
			if err != nil {
				t.Fatal(err)
			}
			only := json.NewDecoder(bytes.NewReader(m.Data))
			only.DisallowUnknownFields()
			if err := only.Decode(new(jetstream.PubAck)); err != nil {
				t.Fatalf("on %s: %.200q: %v", m.Subject, m.Data, err)
			}
		}
	})
	t.Run("without the certificate's authority nothing connects", func(t *testing.T) {
		key, err := nats.NkeyOptionFromSeed(g.seeds["web-01"])
		if err != nil {
			t.Fatal(err)
		}
		if c, err := nats.Connect(g.url, key); err == nil {
			c.Close()
			t.Error("the client accepted a certificate of an unknown authority")
		}
	})
	t.Run("a new host comes in without a restart of the server", func(t *testing.T) {
		file := filepath.Join(g.dir, "hosts.conf")
		hosts := readFile(t, file)
		line := fmt.Sprintf("  {nkey: %s, permissions: {publish: [\"snapshot.new-01\"], subscribe: [\"control.new-01\", \"_INBOX.>\"]}}\n]", g.newUser(t, "new-01"))
		end := strings.LastIndex(hosts, "]")
		if err := os.WriteFile(file, []byte(hosts[:end]+line), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(g.PID(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		await(t, "the new user is known", func() error {
			c, err := g.dial("new-01")
			if err == nil {
				c.Close()
			}
			return err
		})
		if err := publishing("snapshot.new-01").as(t, g, "new-01"); err != nil {
			t.Errorf("its own snapshot: %v", err)
		}
	})
	poller.Stop()
	tracker.Stop()
}

// client is a user's connection.
type client struct {
	*nats.Conn
	js jetstream.JetStream
}

func (g *guarded) dial(user string) (*nats.Conn, error) {
	key, err := nats.NkeyOptionFromSeed(g.seeds[user])
	if err != nil {
		return nil, err
	}
	return nats.Connect(g.url, key, nats.RootCAs(g.authority), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
}

func (g *guarded) connect(t *testing.T, user string) client {
	t.Helper()
	c, err := g.dial(user)
	if err != nil {
		t.Fatalf("connect as %s: %v", user, err)
	}
	t.Cleanup(c.Close)
	js, err := jetstream.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return client{c, js}
}

// attempt is something that a user tries.
type attempt struct {
	what string
	do   func(*nats.Conn) error
}

func publishing(subject string) attempt {
	return attempt{"publish to " + subject, func(c *nats.Conn) error { return c.Publish(subject, nil) }}
}

func subscribing(subject string) attempt {
	return attempt{"subscribe to " + subject, func(c *nats.Conn) error { _, err := c.SubscribeSync(subject); return err }}
}

// as makes the attempt on a connection of its own and returns what the server
// says to it.
func (a attempt) as(t *testing.T, g *guarded, user string) error {
	t.Helper()
	c := g.connect(t, user)
	defer c.Close()
	if err := a.do(c.Conn); err != nil {
		return err
	}
	// The server answers in order: what it has against the attempt comes
	// before its answer to this.
	if err := c.FlushTimeout(10 * time.Second); err != nil {
		return err
	}
	return c.LastError()
}

// holds reports a stream that holds fewer messages than wanted.
func holds(t *testing.T, c client, stream string, least uint64) error {
	t.Helper()
	s, err := c.js.Stream(t.Context(), stream)
	if err != nil {
		return err
	}
	if n := s.CachedInfo().State.Msgs; n < least {
		return fmt.Errorf("%s holds %d messages, want %d", stream, n, least)
	}
	return nil
}

// await tries until there is no error.
func await(t *testing.T, what string, try func() error) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not within 30 s: %v", what, err)
		}
	}
}
