package reconstruct

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"headstart/detect/inventory"
	"headstart/event"
	"headstart/replay/zeek"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write what the tables show into the scripts; review every line")

// TestScripts runs the scripts of testdata: a conn.log, perhaps an inventory,
// and the table of a host at each of some times of 5 June 2025.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts in testdata: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			script, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			runScript(t, script)
			if *update {
				if err := os.WriteFile(file, txtar.Format(script), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func runScript(t *testing.T, script *txtar.Archive) {
	var o Options
	var records []zeek.Record
	var fleet *Fleet
	tables := map[string]*printer{}
	for i := range script.Files {
		section := &script.Files[i]
		switch section.Name {
		case "conn.log":
			records = readLog(t, section.Data)
			continue
		case "inventory.yaml":
			var err error
			if o.Inventory, err = inventory.Parse("inventory.yaml", section.Data); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if fleet == nil {
			fleet = build(t, records, o)
			for _, feed := range fleet.Feeds() {
				tables[feed.Host()] = &printer{feed: feed, inodes: map[uint64]int{}}
			}
		}
		host, clock, _ := strings.Cut(section.Name, " ")
		at, err := time.Parse(time.DateTime, "2025-06-05 "+clock)
		if err != nil || tables[host] == nil {
			t.Fatalf("section %q: want a time and one of the hosts %q", section.Name, fleet.Hosts)
		}
		got := tables[host].at(at)
		if *update {
			section.Data = []byte(got)
		}
		if want := string(section.Data); strings.TrimSpace(want) != strings.TrimSpace(got) {
			t.Errorf("%s:\n got:\n%s want:\n%s", section.Name, got, want)
		}
	}
	if fleet == nil {
		t.Fatal("the script looks at no table")
	}
}

func readLog(t testing.TB, text []byte) []zeek.Record {
	t.Helper()
	file := filepath.Join(t.TempDir(), "conn.log")
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	log, err := zeek.Read(t.Context(), []string{file}, zeek.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if log.Bad > 0 {
		t.Fatal(log.Errors)
	}
	return log.Records
}

func build(t testing.TB, records []zeek.Record, o Options) *Fleet {
	t.Helper()
	f, err := Build(records, o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// printer writes tables down. It numbers inodes as they come.
type printer struct {
	feed   *HostFeed
	inodes map[uint64]int
	before []event.Socket
}

// at polls at a time of its own choice.
func (p *printer) at(at time.Time) string {
	p.feed.poll, p.feed.until = at.UnixNano(), at.UnixNano()
	s := p.feed.Next()
	var b strings.Builder
	if !tableChanged(p.before, s.Sockets) {
		b.WriteString("unchanged\n")
	}
	p.before = append([]event.Socket{}, s.Sockets...)
	for i := range s.Sockets {
		row := &s.Sockets[i]
		fmt.Fprint(&b, ends4(row.Local, row.LocalPort))
		if row.State != event.Listen {
			fmt.Fprint(&b, " ", ends4(row.Remote, row.RemotePort))
		}
		fmt.Fprint(&b, " ", row.State)
		if row.Retransmits > 0 {
			fmt.Fprintf(&b, " retransmits=%d", row.Retransmits)
		}
		if row.Timer != event.TimerOff {
			fmt.Fprintf(&b, " %s=%d.%02ds", row.Timer, row.Remaining/100, row.Remaining%100)
		}
		if row.Inode != 0 && row.State != event.Listen {
			if p.inodes[row.Inode] == 0 {
				p.inodes[row.Inode] = len(p.inodes) + 1
			}
			fmt.Fprintf(&b, " socket %d", p.inodes[row.Inode])
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// tableChanged reports whether a table shows other sockets, states or inodes than
// the one before, if there was one.
func tableChanged(before, now []event.Socket) bool {
	return before == nil || !slices.EqualFunc(before, now, func(a, b event.Socket) bool {
		return a.CompareKey(&b) == 0 && a.State == b.State && a.Inode == b.Inode
	})
}

func ends4(a event.Address, port uint16) string {
	if a.Is4() {
		return fmt.Sprintf("%s:%d", a, port)
	}
	return fmt.Sprintf("[%s]:%d", a, port)
}
