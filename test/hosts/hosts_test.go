// Package hosts_test runs real pollers on real kernels' tables: hosts in
// network namespaces of their own, TCP servers and clients between them, and
// the whole pipeline behind.
package hosts_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sort"
	"sync"
	"testing"
	"time"

	"headstart/event"
	"headstart/test/lab"
	"headstart/test/process"
	"headstart/test/system"
)

const poller = "headstart/cmd/poller"

func TestRealConnectionsBecomeTheRightAlerts(t *testing.T) {
	l := lab.New(t)
	web, db, files := l.Host("web-01"), l.Host("db-01"), l.Host("files-01")
	database := db.Serve("tcp", "[::]:5432")
	api := db.Serve("tcp", fmt.Sprintf("%s:8080", db.Address))
	smb := files.Serve("tcp", "[::]:445")
	databaseAddress := netip.AddrPortFrom(db.Address, database.Address.Port())
	smbAddress := netip.AddrPortFrom(files.Address, smb.Address.Port())

	address := process.FreeAddress(t, l.Address.String())
	server := process.Start(t, process.NATS(t, address, t.TempDir()))
	server.WaitReady()
	url := "nats://" + address
	receiver := system.NewReceiver(t)
	system.Tracker(t, url)
	system.Correlator(t, url, system.ShortRules(t))
	system.Notifier(t, url, receiver)
	program := process.Build(t, poller)[poller]
	for host, roles := range map[*lab.Host]string{web: "web", db: "database", files: "file-server"} {
		process.Start(t, process.Spec{
			Path: program, Within: host.Do,
			Args: []string{"--server", url, "--host", host.Name, "--roles", roles, "--interval", "1s"},
		})
	}
	awaitFirstSnapshots(t, url, 3)

	ctx := t.Context()
	open := func(from *lab.Host, to netip.AddrPort) *lab.Session {
		t.Helper()
		s, err := from.Open(ctx, to)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	held := open(web, databaseAddress)
	share := open(web, smbAddress)
	silent, cancel := context.WithCancel(ctx)
	var background sync.WaitGroup
	defer background.Wait()
	defer cancel()
	background.Go(func() {
		if conn, err := web.Dial(silent, "tcp", netip.AddrPortFrom(l.Silent, 3389).String()); err == nil {
			conn.Close()
			t.Error("the silent address has answered")
		}
	})
	short := map[string][]*lab.Session{}
	var mu sync.Mutex
	repeat := func(name string, from *lab.Host, to netip.AddrPort, every time.Duration, how lab.Ending) {
		background.Go(func() {
			sessions, err := from.Repeat(silent, to, every, how)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			mu.Lock()
			defer mu.Unlock()
			short[name] = sessions
		})
	}
	repeat("a database session a second", web, databaseAddress, time.Second, lab.ClientCloses)
	repeat("requests closed by FIN", web, api.Address, 50*time.Millisecond, lab.ClientCloses)
	repeat("requests reset", files, api.Address, 50*time.Millisecond, lab.ClientResets)

	alerts := receiver.Wait(t, 30*time.Second, "five alerts", func(all []system.Received) bool { return len(all) >= 5 })
	awaitHeartbeats(t, url, 3)
	cancel()
	background.Wait()
	awaitHeartbeats(t, url, 3)

	var got []string
	for _, a := range receiver.Alerts() {
		got = append(got, fmt.Sprintf("%s on %s: %s → %s:%d", a.Rule, a.Host, a.Connection.Source, a.Connection.Destination, a.Connection.Port))
	}
	sort.Strings(got)
	want := []string{
		fmt.Sprintf("administration-from-unattended-server on web-01: %s → %s:3389", web.Address, l.Silent),
		fmt.Sprintf("administration-from-unattended-server on web-01: %s → %s:445", web.Address, files.Address),
		fmt.Sprintf("database-session-long on web-01: %s → %s:5432", web.Address, db.Address),
		fmt.Sprintf("rdp-from-web-server on web-01: %s → %s:3389", web.Address, l.Silent),
		fmt.Sprintf("smb-from-web-server on web-01: %s → %s:445", web.Address, files.Address),
	}
	if !slices.Equal(got, want) {
		t.Errorf("alerts are\n%q\nwant\n%q", got, want)
	}
	if n := receiver.Repeats(); n != 0 {
		t.Errorf("%d notifications came twice", n)
	}
	for _, a := range alerts {
		if a.Rule == "database-session-long" && a.Connection.State != event.Established {
			t.Errorf("the database session is in %s, want it still open", a.Connection.State)
		}
		if a.Rule == "rdp-from-web-server" && a.Evidence[0].State != event.SynSent {
			t.Errorf("the attempt's evidence is %s, want SYN_SENT", a.Evidence[0].State)
		}
	}

	seen := readConnections(t, url)
	t.Run("the dual-stack server's side is IPv4, inbound by its listener", func(t *testing.T) {
		c := seen.find(t, "db-01", event.Opened, netip.AddrPortFrom(db.Address, 5432), held.Local)
		if c.Direction != event.Inbound || c.DirectionFrom != event.FromListener {
			t.Errorf("%s from %s, want inbound from listener", c.Direction, c.DirectionFrom)
		}
	})
	t.Run("the client's side of a session is outbound", func(t *testing.T) {
		c := seen.find(t, "web-01", event.Opened, share.Local, smbAddress)
		if c.Direction != event.Outbound {
			t.Errorf("%s, want outbound", c.Direction)
		}
		checkBounds(t, c, share.Opened, time.Time{})
	})
	for _, name := range []string{"requests closed by FIN", "a database session a second"} {
		t.Run("every one of the "+name+" is seen by its TIME_WAIT", func(t *testing.T) {
			sessions := short[name]
			// The last ones may have ended after the last snapshot that was waited for.
			for _, s := range sessions[:len(sessions)-1] {
				c := seen.find(t, "web-01", event.Closed, s.Local, s.Remote)
				if c.Reason != event.TimedWait {
					t.Fatalf("closed by %s, want time-wait", c.Reason)
				}
				checkBounds(t, c, s.Opened, s.Ended)
			}
			t.Logf("%d of %d", len(sessions)-1, len(sessions)-1)
		})
	}
	t.Run("bounds hold for the requests that were reset, where they were seen", func(t *testing.T) {
		for _, s := range short["requests reset"] {
			if c, ok := seen.closed["files-01"][[2]netip.AddrPort{s.Local, s.Remote}]; ok {
				checkBounds(t, c, s.Opened, s.Ended)
			}
		}
	})
	for host := range seen.opened {
		for key, c := range seen.closed[host] {
			if _, ok := seen.opened[host][key]; !ok {
				t.Errorf("%s: %v was closed without having been opened", host, c)
			}
		}
	}
}

// clockSlack is by how much the kernel's timers and the test's clock may
// differ: TIME_WAIT's timer counts in jiffies, 1/100 s at worst.
const clockSlack = 50 * time.Millisecond

// checkBounds checks that a connection's bounds hold the truth.
func checkBounds(t *testing.T, c event.Connection, opened, ended time.Time) {
	t.Helper()
	if c.OpenedBefore.Add(clockSlack).Before(opened) || c.OpenedAfter.After(opened.Add(clockSlack)) {
		t.Errorf("opened at %s, outside of (%s, %s]", stamp(opened), stamp(c.OpenedAfter), stamp(c.OpenedBefore))
	}
	if ended.IsZero() {
		return
	}
	if c.ClosedAfter.After(ended.Add(clockSlack)) || c.ClosedBefore.Add(clockSlack).Before(ended) {
		t.Errorf("%s: closed at %s, outside of [%s, %s]", c.Reason, stamp(ended), stamp(c.ClosedAfter), stamp(c.ClosedBefore))
	}
}

func stamp(t time.Time) string { return t.UTC().Format("15:04:05.000") }

type connections struct {
	opened, closed map[string]map[[2]netip.AddrPort]event.Connection
}

func readConnections(t *testing.T, url string) connections {
	t.Helper()
	seen := connections{map[string]map[[2]netip.AddrPort]event.Connection{}, map[string]map[[2]netip.AddrPort]event.Connection{}}
	for _, changes := range system.Changes(t, url) {
		for _, c := range changes.Connections {
			to := seen.opened
			if c.Kind == event.Closed {
				to = seen.closed
			} else if c.Kind != event.Opened {
				continue
			}
			if to[changes.Host] == nil {
				to[changes.Host] = map[[2]netip.AddrPort]event.Connection{}
			}
			key := [2]netip.AddrPort{netip.AddrPortFrom(c.Local.Netip(), c.LocalPort), netip.AddrPortFrom(c.Remote.Netip(), c.RemotePort)}
			if old, ok := to[changes.Host][key]; ok && old.ID == c.ID {
				t.Errorf("%s: %s of %v came twice", changes.Host, c.Kind, key)
			}
			to[changes.Host][key] = c
		}
	}
	return seen
}

func (s connections) find(t *testing.T, host string, kind event.Kind, local, remote netip.AddrPort) event.Connection {
	t.Helper()
	all := s.opened
	if kind == event.Closed {
		all = s.closed
	}
	c, ok := all[host][[2]netip.AddrPort{local, remote}]
	if !ok {
		t.Fatalf("%s doesn't show %s → %s as %s", host, local, remote, kind)
	}
	return c
}

// awaitFirstSnapshots waits until that many hosts have been looked at.
func awaitFirstSnapshots(t *testing.T, url string, hosts int) {
	t.Helper()
	await(t, fmt.Sprintf("first snapshots of %d hosts", hosts), func() bool {
		seen := map[string]bool{}
		for _, c := range system.Changes(t, url) {
			seen[c.Host] = true
		}
		return len(seen) == hosts
	})
}

// awaitHeartbeats waits until every host has been looked at from now on.
func awaitHeartbeats(t *testing.T, url string, hosts int) {
	t.Helper()
	now := time.Now()
	await(t, "a heartbeat of every host", func() bool {
		seen := map[string]bool{}
		for _, c := range system.Changes(t, url) {
			if c.ObservedAt.After(now) {
				seen[c.Host] = true
			}
		}
		return len(seen) == hosts
	})
}

func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not within 30 s", what)
		}
	}
}
