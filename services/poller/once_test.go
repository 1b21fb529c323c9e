package poller

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"headstart/daemon"
)

// once decodes what --once prints into what its documentation promises.
func once(t *testing.T, proc string) (shown struct {
	Host     string    `json:"host"`
	BootID   string    `json:"boot_id"`
	TakenAt  time.Time `json:"taken_at"`
	Roles    []string  `json:"roles"`
	Rejected []struct {
		File  string `json:"file"`
		Line  int    `json:"line"`
		Error string `json:"error"`
	} `json:"rejected"`
	RejectedTotal int `json:"rejected_total"`
	Sockets       []struct {
		Local        string  `json:"local"`
		Remote       string  `json:"remote"`
		State        string  `json:"state"`
		UID          int     `json:"uid"`
		Inode        int     `json:"inode"`
		Timer        string  `json:"timer"`
		TimerSeconds float64 `json:"timer_seconds"`
		Retransmits  int     `json:"retransmits"`
	} `json:"sockets"`
	Addresses []string `json:"addresses"`
}) {
	t.Helper()
	var out bytes.Buffer
	if err := Once(Options{Host: "web-01", Roles: []string{"web"}, Proc: proc}, "json", &out); err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(&out)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&shown); err != nil {
		t.Fatal(err)
	}
	return shown
}

func TestOnceShowsTheTables(t *testing.T) {
	for _, tt := range []struct {
		dir, boot string
		sockets   []string
	}{
		{"testdata/web", "6f1c1c56-3c1d-4c39-a5f4-64ee2a87a3f1", []string{
			"[::]:8080 [::]:0 LISTEN 33 60378 off 0 0",
			"0.0.0.0:22 0.0.0.0:0 LISTEN 0 60377 off 0 0",
			"10.1.1.10:22 10.1.1.99:40001 SYN_RECV 0 0 retransmit 1.52 1",
			"10.1.1.10:8080 10.1.1.10:40792 ESTABLISHED 33 60384 off 0 0",
			"10.1.1.10:40792 10.1.1.10:8080 ESTABLISHED 33 60383 off 0 0",
			"10.1.1.10:47464 10.1.7.10:445 SYN_SENT 1000 60397 retransmit 2.08 6",
			"127.0.0.1:57216 127.0.0.1:5432 TIME_WAIT 0 0 time-wait 57.94 0",
		}},
		{"testdata/no-ipv6", "", []string{
			"0.0.0.0:22 0.0.0.0:0 LISTEN 0 60377 off 0 0",
			"127.0.0.1:57216 127.0.0.1:5432 TIME_WAIT 0 0 time-wait 57.94 0",
		}},
	} {
		t.Run(tt.dir, func(t *testing.T) {
			before := time.Now()
			got := once(t, tt.dir)
			if got.Host != "web-01" || got.BootID != tt.boot || !reflect.DeepEqual(got.Roles, []string{"web"}) {
				t.Errorf("host %q, boot id %q, roles %q", got.Host, got.BootID, got.Roles)
			}
			if got.TakenAt.Before(before.Add(-time.Second)) || got.TakenAt.After(time.Now().Add(time.Second)) {
				t.Errorf("taken at %s", got.TakenAt)
			}
			var sockets []string
			for _, s := range got.Sockets {
				sockets = append(sockets, fmt.Sprintln(s.Local, s.Remote, s.State, s.UID, s.Inode, s.Timer, s.TimerSeconds, s.Retransmits))
			}
			if got, want := strings.Join(sockets, ""), strings.Join(tt.sockets, "\n")+"\n"; got != want {
				t.Errorf("got\n%swant\n%s", got, want)
			}
			if len(got.Rejected) > 0 || got.RejectedTotal > 0 {
				t.Errorf("rejected: %v", got.Rejected)
			}
		})
	}
}

func TestOnceShowsRejections(t *testing.T) {
	got := once(t, "testdata/damaged")
	var rejected []string
	for _, r := range got.Rejected {
		rejected = append(rejected, fmt.Sprintf("%s:%d: %s", r.File, r.Line, r.Error))
	}
	want := []string{
		`net/tcp:3: column local_address: "0100007F:15G8" is not 8 or 32 hexadecimal digits, a colon and 4 more`,
		`net/tcp:5: row is cut off in column tr:tm->when: "00:00"`,
		`net/tcp6:3: column st: "1F" is not a TCP state, 01 to 0C`,
	}
	if !reflect.DeepEqual(rejected, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(rejected, "\n"), strings.Join(want, "\n"))
	}
	if len(got.Sockets) != 3 || got.RejectedTotal != 3 {
		t.Errorf("%d sockets and %d rejected, want 3 and 3: a bad row doesn't touch its neighbours", len(got.Sockets), got.RejectedTotal)
	}
}

func TestOnceShowsABigTable(t *testing.T) {
	const rows = 20_000
	got := once(t, procWith(t, rows, 0))
	if len(got.Sockets) != rows {
		t.Fatalf("%d sockets, want %d", len(got.Sockets), rows)
	}
	seen := map[string]bool{}
	for _, s := range got.Sockets {
		seen[s.Local+" "+s.Remote] = true
	}
	if len(seen) != rows {
		t.Errorf("%d different sockets, want %d", len(seen), rows)
	}
}

func TestOnceHasEveryListEvenWhenItIsEmpty(t *testing.T) {
	var out bytes.Buffer
	if err := Once(Options{Host: "web-01", Proc: procWith(t, 0, 0)}, "json", &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"roles":[]`, `"sockets":[]`, `"rejected":[]`, `"addresses":[`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in %s", want, &out)
		}
	}
}

func TestOnceAsText(t *testing.T) {
	var out bytes.Buffer
	if err := Once(Options{Host: "web-01", Proc: "testdata/damaged"}, "text", &out); err != nil {
		t.Fatal(err)
	}
	head, table, _ := strings.Cut(out.String(), "\n")
	if !strings.HasPrefix(head, "web-01  2") || !strings.HasSuffix(head, "  3 sockets, 3 rows rejected") {
		t.Errorf("the first line is %q", head)
	}
	const want = `LOCAL            REMOTE          STATE        UID  INODE  TIMER
[::]:8080        [::]:0          LISTEN       33   60378  
0.0.0.0:22       0.0.0.0:0       LISTEN       0    60377  
10.1.1.10:40792  10.1.1.10:8080  ESTABLISHED  33   60383  
rejected: net/tcp line 3: column local_address: "0100007F:15G8" is not 8 or 32 hexadecimal digits, a colon and 4 more
rejected: net/tcp line 5: row is cut off in column tr:tm->when: "00:00"
rejected: net/tcp6 line 3: column st: "1F" is not a TCP state, 01 to 0C
`
	if table != want {
		t.Errorf("got\n%s\nwant\n%s", table, want)
	}
}

func TestOnceRejects(t *testing.T) {
	t.Run("a directory without net/tcp", func(t *testing.T) {
		dir := t.TempDir()
		err := Once(Options{Host: "web-01", Proc: dir}, "json", io.Discard)
		if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), filepath.Join(dir, "net/tcp")) || !strings.Contains(err.Error(), "--proc") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a net/tcp that is a directory", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, "net/tcp"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := Once(Options{Host: "web-01", Proc: dir}, "json", io.Discard); err == nil || !strings.Contains(err.Error(), "net/tcp") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("an unknown output", func(t *testing.T) {
		err := Once(Options{Host: "web-01", Proc: "testdata/web"}, "xml", io.Discard)
		var usage *daemon.UsageError
		if !errors.As(err, &usage) || err.Error() != `--output "xml": must be text or json` {
			t.Errorf("got %v", err)
		}
	})
}
