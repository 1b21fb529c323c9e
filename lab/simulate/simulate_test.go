package simulate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"headstart/replay/zeek"
)

func simulate(t testing.TB, o Options) *Simulation {
	t.Helper()
	if o.Days == 0 {
		o.Days = 10
	}
	if o.Hosts == 0 {
		o.Hosts = 50
	}
	s, err := Simulate(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// seeds is how many seeds a test tries: one under -short.
func seeds(all uint64) uint64 {
	if testing.Short() {
		return 1
	}
	return all
}

func written(t testing.TB, s *Simulation) (log, inventory, truth []byte) {
	t.Helper()
	var l, i bytes.Buffer
	if err := s.WriteLog(&l); err != nil {
		t.Fatal(err)
	}
	if err := s.WriteInventory(&i); err != nil {
		t.Fatal(err)
	}
	truth, err := json.Marshal(s.Truth())
	if err != nil {
		t.Fatal(err)
	}
	return l.Bytes(), i.Bytes(), truth
}

func TestSameSeedSameBytes(t *testing.T) {
	o := Options{Seed: 11, Days: 4, Hosts: 20, Learn: 48 * time.Hour, Intrusions: 2}
	log1, inventory1, truth1 := written(t, simulate(t, o))
	log2, inventory2, truth2 := written(t, simulate(t, o))
	if !bytes.Equal(log1, log2) || !bytes.Equal(inventory1, inventory2) || !bytes.Equal(truth1, truth2) {
		t.Error("two runs differ")
	}
	o.Seed = 12
	log3, inventory3, _ := written(t, simulate(t, o))
	if bytes.Equal(log1, log3) || bytes.Equal(inventory1, inventory3) {
		t.Error("two seeds give the same company")
	}
}

// logRow is a row of conn.log.
type logRow struct {
	TS          json.Number `json:"ts"`
	Source      netip.Addr  `json:"id.orig_h"`
	SourcePort  uint16      `json:"id.orig_p"`
	Destination netip.Addr  `json:"id.resp_h"`
	Port        uint16      `json:"id.resp_p"`
	Proto       string      `json:"proto"`
	Duration    float64     `json:"duration"`
	State       string      `json:"conn_state"`
	History     string      `json:"history"`
	Up          int64       `json:"orig_bytes"`
	Down        int64       `json:"resp_bytes"`
	Sent        int64       `json:"orig_pkts"`
	Received    int64       `json:"resp_pkts"`
}

func rows(t testing.TB, log []byte) []logRow {
	t.Helper()
	var all []logRow
	for n, line := range bytes.Split(bytes.TrimSpace(log), []byte("\n")) {
		var r logRow
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatalf("line %d: %v\n%s", n+1, err, line)
		}
		all = append(all, r)
	}
	return all
}

func TestPlausible(t *testing.T) {
	for seed := range seeds(3) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			s := simulate(t, Options{Seed: seed, Days: 3, Learn: 48 * time.Hour, Intrusions: 1})
			log, inventory, _ := written(t, s)
			all := rows(t, log)
			if perDay := len(all) / 3; perDay < 30_000 || perDay > 56_000 {
				t.Errorf("%d connections a day, want about 42,000", perDay)
			}
			start, end := s.Truth().Start.UnixMicro(), s.Truth().End.UnixMicro()
			busy := map[tuple]int64{}
			slices.SortStableFunc(all, func(a, b logRow) int { return strings.Compare(a.TS.String(), b.TS.String()) })
			for n, r := range all {
				at, took := micros(t, r.TS), int64(r.Duration*1e6+0.5)
				if at < start || at >= end || r.State != "S0" && at+took > end || took < 0 {
					t.Fatalf("row %d: %+v is outside the log", n+1, r)
				}
				if r.Up < 0 || r.Down < 0 || r.Sent < 0 || r.Received < 0 || r.Source == r.Destination || r.SourcePort == 0 || r.Port == 0 {
					t.Fatalf("row %d: %+v is impossible", n+1, r)
				}
				if (r.State == "S0" || r.State == "REJ") && r.Up+r.Down > 0 {
					t.Fatalf("row %d: %+v has data but no connection", n+1, r)
				}
				if r.Proto != "tcp" {
					continue
				}
				key := tuple{r.Source, r.Destination, r.SourcePort, r.Port}
				if at < busy[key] {
					t.Fatalf("row %d: %+v is open twice", n+1, r)
				}
				busy[key] = at + took
			}
			if n := strings.Count(string(inventory), "addresses:"); n != 50 {
				t.Errorf("%d hosts in the inventory, want 50", n)
			}
		})
	}
}

type tuple struct {
	source, destination netip.Addr
	sourcePort, port    uint16
}

func micros(t testing.TB, ts json.Number) int64 {
	t.Helper()
	whole, part, ok := strings.Cut(ts.String(), ".")
	seconds, err1 := strconv.ParseInt(whole, 10, 64)
	rest, err2 := strconv.ParseInt(part, 10, 64)
	if err := errors.Join(err1, err2); err != nil || !ok || len(part) != 6 {
		t.Fatalf("ts %s: want six decimals", ts)
	}
	return seconds*1e6 + rest
}

func TestTruthMatchesLog(t *testing.T) {
	for _, kind := range Kinds() {
		for stealth := range MaxStealth + 1 {
			if kind == "reference" && stealth > 0 {
				continue
			}
			t.Run(fmt.Sprintf("%s %d", kind, stealth), func(t *testing.T) {
				t.Parallel()
				o := Options{Seed: 3, Days: 4, Hosts: 16, Learn: 48 * time.Hour, Intrusions: 1, Kinds: []string{kind}, Stealth: []int{stealth}}
				if testing.Short() {
					o.Days, o.Learn = 2, 24*time.Hour
				}
				s := simulate(t, o)
				truth := s.Truth()
				if len(truth.Intrusions) != 1 {
					t.Fatalf("%d intrusions, want 1", len(truth.Intrusions))
				}
				i := truth.Intrusions[0]
				if i.ID != "i1" || i.Kind != kind || i.Stealth != stealth || i.Entry == "" || i.Start.Before(truth.LearnUntil) {
					t.Errorf("got %s %s %d %q %s", i.ID, i.Kind, i.Stealth, i.Entry, i.Start)
				}
				log, _, _ := written(t, s)
				states := map[string]string{}
				for line := range strings.Lines(string(log)) {
					ts, rest, _ := strings.Cut(strings.TrimPrefix(line, `{"ts":`), `,"uid":`)
					_, rest, _ = strings.Cut(rest, `"id.orig_h"`)
					ends, rest, _ := strings.Cut(rest, `,"proto"`)
					_, rest, _ = strings.Cut(rest, `"conn_state":"`)
					states[ts+ends], _, _ = strings.Cut(rest, `"`)
				}
				moves := 0
				for _, c := range i.Connections {
					key := fmt.Sprintf(`%d.%06d:"%s","id.orig_p":%d,"id.resp_h":"%s","id.resp_p":%d`,
						c.At.Unix(), c.At.Nanosecond()/1000, c.Source, c.SourcePort, c.Destination, c.Port)
					if got := states[key]; got != c.State {
						t.Errorf("%+v: state %q in the log", c, got)
					}
					if c.Until.Before(c.At) {
						t.Errorf("%+v ends before it begins", c)
					}
					if c.Lateral && c.Success && (c.Kind == "move" || c.Kind == "goal") && (c.MonitoredSource || c.MonitoredDestination) {
						moves++
					}
				}
				if moves == 0 {
					t.Error("no move is visible to a poller")
				}
			})
		}
	}
}

func TestStealth2UsesOnlyKnownEdges(t *testing.T) {
	type edge struct {
		source, destination string
		port                uint16
	}
	for _, kind := range []string{"exploratory", "aggressive", "targeted", "slow"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			for seed := range seeds(2) {
				o := Options{Seed: seed, Days: 4, Hosts: 24, Learn: 48 * time.Hour, Intrusions: 1, Kinds: []string{kind}, Stealth: []int{2}}
				s := simulate(t, o)
				byAddress := s.company.byAddress()
				name := func(a netip.Addr) string {
					if h := byAddress[a]; h != nil {
						return h.name
					}
					return a.String()
				}
				used := map[edge]int{}
				for _, row := range s.company.rows {
					if row.at < s.company.calendar.learn && row.mark == nil && row.established() {
						used[edge{name(row.source), name(row.destination), row.port}]++
					}
				}
				for _, c := range s.Truth().Intrusions[0].Connections {
					if c.Lateral && (c.Kind == "move" || c.Kind == "goal") {
						// A desk at home has another address every day.
						source, destination := netip.MustParseAddr(c.Source), netip.MustParseAddr(c.Destination)
						if byAddress[source] != nil && byAddress[destination] != nil && used[edge{name(source), name(destination), c.Port}] < 2 {
							t.Errorf("seed %d: %+v is new", seed, c)
						}
					}
				}
			}
		})
	}
}

func TestSensor(t *testing.T) {
	attempt := connection{at: time.Minute, session: session{lasts: 15 * seconds, ends: silent, syns: 5}}
	long := connection{session: session{lasts: 3 * hours, ends: byOriginator, up: 400, down: 400}}
	hunted := long
	hunted.mark = new(mark)
	got := sensor{attempts: true}.watch([]connection{long, attempt}, newRandom(1, ""))
	var times []string
	for _, row := range got {
		times = append(times, fmt.Sprintf("%s+%s %s", row.at, row.lasts, row.state()))
	}
	if want := "0s+3h0m0s SF, 1m0s+3s S0, 1m7s+0s S0, 1m15s+0s S0"; strings.Join(times, ", ") != want {
		t.Errorf("got %s, want %s", strings.Join(times, ", "), want)
	}
	pieces := 0
	for seed := range uint64(50) {
		got := sensor{forgets: true, byEnd: true}.watch([]connection{long, hunted}, newRandom(seed, ""))
		end := time.Duration(0)
		for n, row := range got[:len(got)-1] {
			if row.at < end || n > 0 && row.state() != "OTH" || n == 0 && len(got) > 2 && row.state() != "S1" {
				t.Errorf("seed %d: row %d is %+v", seed, n, row)
			}
			if row.at+row.lasts < end {
				t.Errorf("seed %d: row %d is out of order", seed, n)
			}
			end = row.at + row.lasts
			pieces++
		}
		if end != 3*time.Hour || got[len(got)-1] != hunted {
			t.Errorf("seed %d: got %+v", seed, got)
		}
	}
	if pieces <= 50 {
		t.Error("no connection was split")
	}
}

func TestZeekReaderAcceptsEveryRow(t *testing.T) {
	for seed := range seeds(3) {
		s := simulate(t, Options{Seed: seed + 20, Days: 2, Hosts: 40})
		log, _, _ := written(t, s)
		file := filepath.Join(t.TempDir(), "conn.log")
		if err := os.WriteFile(file, log, 0o600); err != nil {
			t.Fatal(err)
		}
		read, err := zeek.Read(t.Context(), []string{file}, zeek.Options{})
		if err != nil {
			t.Fatal(err)
		}
		lines := bytes.Count(log, []byte("\n"))
		if read.Bad != 0 || read.Repeated != 0 || len(read.Records)+read.Others != lines || lines < 2*40*500 {
			t.Errorf("seed %d: %d lines, %d records, %d others, %d bad, %d repeated",
				seed, lines, len(read.Records), read.Others, read.Bad, read.Repeated)
		}
	}
}

func TestReferenceTimes(t *testing.T) {
	for seed := range seeds(5) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) { checkReference(t, seed) })
	}
}

func checkReference(t *testing.T, seed uint64) {
	s := simulate(t, Options{Seed: seed, Days: 3, Hosts: 20, Learn: 24 * time.Hour, Intrusions: 1, Kinds: []string{"reference"}})
	i := s.Truth().Intrusions[0]
	zero := i.Connections[0].At
	found := map[time.Duration]bool{}
	for _, c := range i.Connections {
		found[c.At.Sub(zero)] = true
		if c.At.Sub(zero) == 23*time.Second && c.Until.Sub(c.At) != 847*time.Second {
			t.Errorf("the database connection lasts %s, want 847 s", c.Until.Sub(c.At))
		}
	}
	for _, want := range []string{"0s", "23s", "45m41s", "1h17m12s", "1h52m8s"} {
		if d, _ := time.ParseDuration(want); !found[d] {
			t.Errorf("nothing %s after the start", want)
		}
	}
}

func TestChangesAfterLearning(t *testing.T) {
	n, companies := 0, int(seeds(4))
	for seed := range uint64(companies) {
		truth := simulate(t, Options{Seed: seed, Hosts: 30}).Truth()
		if len(truth.Intrusions) != 0 {
			t.Fatal("an intrusion without being configured")
		}
		for _, b := range truth.Benign {
			if b.Start.After(truth.LearnUntil) {
				n++
			}
			if b.Kind == "" || b.Note == "" || b.End.Before(b.Start) {
				t.Errorf("got %+v", b)
			}
		}
	}
	if n < companies*5 {
		t.Errorf("%d changes after the learning period of %d companies", n, companies)
	}
}

func TestInvalidOptions(t *testing.T) {
	_, err := Simulate(Options{Days: 0, Hosts: 5, Intrusions: 30, Kinds: []string{"quiet"}, Stealth: []int{9}})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"days 0", "hosts 5", "intrusions 30", `kind "quiet"`, "stealth 9"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
}

func TestAnySize(t *testing.T) {
	sizes := []int{10, 17, 90}
	if testing.Short() {
		sizes = sizes[:2]
	}
	for _, hosts := range sizes {
		for seed := range seeds(2) {
			s := simulate(t, Options{Seed: seed, Days: 3, Hosts: hosts, Learn: 24 * time.Hour, Intrusions: 1})
			if n := s.Rows() / 3 / hosts; n < 300 || n > 1300 {
				t.Errorf("%d hosts, seed %d: %d connections a day and host", hosts, seed, n)
			}
		}
	}
}

func BenchmarkSimulate(b *testing.B) {
	b.ReportAllocs()
	for n := range b.N {
		s := simulate(b, Options{Seed: uint64(n), Intrusions: 1})
		var size counter
		if err := s.WriteLog(&size); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(s.Rows()), "rows")
	}
}

type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
