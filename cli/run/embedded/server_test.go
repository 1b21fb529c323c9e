package embedded

import (
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestLockDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state", "headstart")
	lock, err := LockDirectory(dir)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory is %v, %v; want it readable by its owner only", info.Mode(), err)
	}
	if _, err := LockDirectory(dir); err == nil || !strings.Contains(err.Error(), dir+" is in use") || !strings.Contains(err.Error(), "--data") {
		t.Errorf("a second lock: %v", err)
	}
	lock.Close()
	again, err := LockDirectory(dir)
	if err != nil {
		t.Fatalf("after the first is gone: %v", err)
	}
	again.Close()
}

func TestLockDirectoryRejects(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	writeFile(t, file, "")
	for _, tt := range []struct{ name, dir, want string }{
		{"nothing", "", "there is no home directory"},
		{"a file", file, "not a directory"},
		{"a directory that can't be created", "/proc/headstart", "choose another with --data"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := LockDirectory(tt.dir); err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "--data") {
				t.Errorf("got %v, want an error with %q and --data", err, tt.want)
			}
		})
	}
}

func TestDataDirectory(t *testing.T) {
	for _, tt := range []struct{ name, state, home, want string }{
		{"by the standard", "/var/state", "/home/ana", "/var/state/headstart"},
		{"by its default", "", "/home/ana", "/home/ana/.local/state/headstart"},
		{"with a relative path, which the standard forbids", "state", "/home/ana", "/home/ana/.local/state/headstart"},
		{"without a home", "", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("XDG_STATE_HOME", tt.state)
			t.Setenv("HOME", tt.home)
			if got := DataDirectory(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestStartServer(t *testing.T) {
	const storage = 64 << 20
	s, err := StartServer(t.TempDir(), "127.0.0.1:0", storage, discard())
	if err != nil {
		t.Fatal(err)
	}
	defer StopServer(t.Context(), s)
	if !s.JetStreamEnabled() {
		t.Error("JetStream is off")
	}
	address := s.Addr().(*net.TCPAddr)
	if !address.IP.IsLoopback() {
		t.Errorf("it listens on %s", address)
	}
	t.Run("not on the same port again", func(t *testing.T) {
		_, err := StartServer(t.TempDir(), address.String(), storage, discard())
		if err == nil || !strings.Contains(err.Error(), "address already in use") || !strings.Contains(err.Error(), "--nats-listen") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("not without a store", func(t *testing.T) {
		dir := t.TempDir()
		writeFile(t, filepath.Join(dir, "nats"), "no directory")
		_, err := StartServer(dir, "127.0.0.1:0", storage, discard())
		if err == nil || !strings.Contains(err.Error(), "storage directory is not a directory") || !strings.Contains(err.Error(), "--data") {
			t.Errorf("got %v", err)
		}
	})
}

func TestCheckLoopback(t *testing.T) {
	for address, ok := range map[string]bool{
		"127.0.0.1:4222": true, "[::1]:4222": true, "127.8.9.10:0": true,
		"0.0.0.0:4222": false, "[::]:4222": false, "192.0.2.1:4222": false, "localhost:4222": false,
		":4222": false, "127.0.0.1": false, "127.0.0.1:nats": false, "127.0.0.1:65536": false, "": false,
	} {
		if err := CheckLoopback(address); (err == nil) != ok {
			t.Errorf("%q: %v", address, err)
		}
	}
}
