package lab

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"headstart/event"
)

const soon = 10 * time.Second

// TestMain lets tests start this binary as a process that isn't a test.
func TestMain(m *testing.M) {
	switch os.Getenv("LAB_TEST_PROCESS") {
	case "table":
		table, err := os.ReadFile("/proc/self/net/tcp")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Stdout.Write(table)
	case "hold":
		l, err := open()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(l.Address)
		io.Copy(io.Discard, os.Stdin) // until killed
	default:
		os.Exit(m.Run())
	}
}

func self(mode string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), "LAB_TEST_PROCESS="+mode)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

func TestHostsHaveTablesOfTheirOwn(t *testing.T) {
	l := New(t)
	web, db, idle := l.Host("web"), l.Host("db"), l.Host("idle")
	server := db.Serve("tcp4", db.Address.String()+":5432")
	session, err := web.Open(t.Context(), server.Address)
	if err != nil {
		t.Fatal(err)
	}

	got := sockets(t, web)
	if len(got) != 1 || got[0].Local != session.Local || got[0].Remote != server.Address ||
		got[0].State != event.Established || got[0].Inode == 0 || got[0].File != "tcp" {
		t.Errorf("web shows %+v, want one ESTABLISHED %s to %s", got, session.Local, server.Address)
	}
	got = sockets(t, db)
	if count(got, event.Listen) != 1 || count(got, event.Established) != 1 || len(got) != 2 {
		t.Errorf("db shows %+v, want its listener and the session", got)
	}
	if got := sockets(t, idle); len(got) != 0 {
		t.Errorf("a host without connections shows %+v", got)
	}
	machine, err := os.Open("/proc/self/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	defer machine.Close()
	rows, err := readTable("tcp", machine)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if row.Local == session.Local || row.Remote == session.Local {
			t.Errorf("this machine's own table shows %+v", row)
		}
	}
}

func TestHostsReachTheTestProcess(t *testing.T) {
	l := New(t)
	for _, address := range []netip.Addr{l.Address, l.Address6} {
		listener, err := net.Listen("tcp", netip.AddrPortFrom(address, 0).String())
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		conn, err := l.Host("web").Dial(t.Context(), "tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
}

func TestProcessSeesItsHost(t *testing.T) {
	web := New(t).Host("web")
	server := web.Serve("tcp", "127.0.0.1:0")
	cmd := self("table")
	var out strings.Builder
	cmd.Stdout = &out
	if err := web.Do(cmd.Start); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	rows, err := readTable("tcp", strings.NewReader(out.String()))
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 1 || rows[0].Local != server.Address {
		t.Errorf("a process on the host reads %q, want the listener on %s alone", &out, server.Address)
	}
}

func TestDualStackServerShowsIPv4InTCP6(t *testing.T) {
	l := New(t)
	web, db := l.Host("web"), l.Host("db")
	server := db.Serve("tcp", "[::]:5432")
	session, err := web.Open(t.Context(), netip.AddrPortFrom(db.Address, server.Address.Port()))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range sockets(t, db) {
		if row.File != "tcp6" {
			t.Errorf("db shows %+v in %s, want tcp6", row, row.File)
		}
		if row.State == event.Established && row.Remote != session.Local {
			t.Errorf("db shows %+v, want the session from %s", row, session.Local)
		}
	}
	if rows := sockets(t, web); len(rows) != 1 || rows[0].File != "tcp" {
		t.Errorf("web shows %+v, want one row in tcp", rows)
	}
}

func TestIPv6(t *testing.T) {
	l := New(t)
	web, db := l.Host("web"), l.Host("db")
	db.Serve("tcp", "[::]:5432")
	if _, err := web.Open(t.Context(), netip.AddrPortFrom(db.Address6, 5432)); err != nil {
		t.Fatal(err)
	}
	if rows := sockets(t, web); len(rows) != 1 || rows[0].Local.Addr() != web.Address6 {
		t.Errorf("web shows %+v, want a connection from %s", rows, web.Address6)
	}
}

func TestSilentAddressKeepsSYNSENT(t *testing.T) {
	for name, silent := range map[string]func(*Lab) netip.Addr{
		"IPv4": func(l *Lab) netip.Addr { return l.Silent },
		"IPv6": func(l *Lab) netip.Addr { return l.Silent6 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := New(t)
			web := l.Host("web")
			ended := make(chan error, 1)
			go func() {
				_, err := web.Dial(t.Context(), "tcp", netip.AddrPortFrom(silent(l), 445).String())
				ended <- err
			}()
			// Unanswered ARP would have ended it after three seconds, that
			// is with the third retransmit.
			web.Await(time.Minute, "SYN_SENT with five retransmits", func(rows []Socket) bool {
				return len(rows) == 1 && rows[0].State == event.SynSent && rows[0].Retransmits >= 5
			})
			select {
			case err := <-ended:
				t.Errorf("connect ended with %v while in SYN_SENT", err)
			default:
			}
		})
	}
}

func TestRefusedConnectLeavesNoRow(t *testing.T) {
	l := New(t)
	web, db := l.Host("web"), l.Host("db")
	_, err := web.Dial(t.Context(), "tcp", netip.AddrPortFrom(db.Address, 445).String())
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v, want connection refused", err)
	}
	if rows := sockets(t, web); len(rows) != 0 {
		t.Errorf("web shows %+v", rows)
	}
}

func TestAddedAddressIsTheHostsOwn(t *testing.T) {
	l := New(t)
	outside, web := l.Host("outside"), l.Host("web")
	outside.AddAddress(netip.MustParseAddr("203.0.113.7"))
	web.AddAddress(netip.MustParseAddr("10.1.1.10"))
	web.AddAddress(netip.MustParseAddr("2001:db8::1"))
	server := web.Serve("tcp4", "10.1.1.10:22")
	session, err := outside.Open(t.Context(), server.Address)
	if err != nil {
		t.Fatal(err)
	}
	if got := session.Local.Addr().String(); got != "203.0.113.7" {
		t.Errorf("connected from %s, want 203.0.113.7", got)
	}
}

func TestInvalidNamesAreRejected(t *testing.T) {
	web := New(t).Host("web")
	if _, err := web.Dial(t.Context(), "tcp", "localhost:22"); err == nil {
		t.Error("a host without a resolver dialled a name")
	}
	if _, err := web.Listen("tcp", "localhost:22"); err == nil {
		t.Error("a host without a resolver listened on a name")
	}
}

func TestLabsHaveSubnetsOfTheirOwn(t *testing.T) {
	seen := map[netip.Addr]bool{}
	for range 3 {
		l := New(t)
		if seen[l.Address] {
			t.Errorf("two labs have %s", l.Address)
		}
		seen[l.Address] = true
	}
}

func TestMainThreadStaysAtHome(t *testing.T) {
	web := New(t).Host("web")
	home, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	const visitors = 32
	var inside, left sync.WaitGroup
	release := make(chan struct{})
	inside.Add(visitors)
	for range visitors {
		left.Go(func() {
			err := web.Do(func() error {
				here, err := os.Readlink("/proc/thread-self/ns/net")
				if here == home {
					t.Error("Do ran in the test process's namespace")
				}
				inside.Done()
				<-release
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	inside.Wait()
	if now, err := os.Readlink("/proc/self/ns/net"); err != nil || now != home {
		t.Errorf("the main thread is in %s (%v), was in %s", now, err, home)
	}
	close(release)
	left.Wait()
	threads, err := filepath.Glob("/proc/self/task/*/ns/net")
	if err != nil || len(threads) == 0 {
		t.Fatalf("list threads: %d, %v", len(threads), err)
	}
	for _, thread := range threads {
		if now, err := os.Readlink(thread); err == nil && now != home {
			t.Errorf("%s is still in %s", thread, now)
		}
	}
}

func TestKilledRunLeavesNothing(t *testing.T) {
	New(t) // for its complaint when there is no root
	cmd := self("hold")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var address string
	if _, err := fmt.Fscan(stdout, &address); err != nil {
		t.Fatal(err)
	}
	if !machineHas(t, address) {
		t.Errorf("the lab's address %s isn't there while the lab is", address)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	tick := time.NewTicker(awaitEvery)
	defer tick.Stop()
	for deadline := time.After(soon); machineHas(t, address); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("the lab's address %s outlived the process", address)
		}
	}
}

func machineHas(t *testing.T, address string) bool {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if ip, _, _ := strings.Cut(a.String(), "/"); ip == address {
			return true
		}
	}
	return false
}

func sockets(t *testing.T, h *Host) []Socket {
	t.Helper()
	rows, err := h.Sockets()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func count(rows []Socket, state event.State) (n int) {
	for _, row := range rows {
		if row.State == state {
			n++
		}
	}
	return n
}
