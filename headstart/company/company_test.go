package company

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"
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
	o := Options{Seed: 11, Days: 6, Hosts: 50, Intrusions: 2}
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

// logRow is what a reader of conn.log sees.
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
	for seed := range uint64(4) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			s := simulate(t, Options{Seed: seed, Days: 7, Intrusions: 1})
			log, inventory, _ := written(t, s)
			all := rows(t, log)
			if perDay := len(all) / 7; perDay < 30_000 || perDay > 56_000 {
				t.Errorf("%d connections a day, want about 42,000", perDay)
			}
			start, end := s.Truth().Start.UnixMicro(), s.Truth().End.UnixMicro()
			busy := map[tuple]int64{}
			for n, r := range all {
				at, took := micros(t, r.TS), int64(r.Duration*1e6+0.5)
				if at < start || at >= end || r.State != "S0" && at+took > end || took < 0 {
					t.Fatalf("row %d: %+v is outside the log", n+1, r)
				}
				if r.Up < 0 || r.Down < 0 || r.Sent < 0 || r.Received < 0 || r.Source == r.Destination || r.SourcePort == 0 || r.Port == 0 {
					t.Fatalf("row %d: %+v can't be", n+1, r)
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

func TestTruthIsInTheLog(t *testing.T) {
	for _, kind := range Kinds() {
		for stealth := range MaxStealth + 1 {
			t.Run(fmt.Sprintf("%s %d", kind, stealth), func(t *testing.T) {
				t.Parallel()
				s := simulate(t, Options{Seed: 3, Days: 7, Hosts: 24, Intrusions: 1, Kinds: []string{kind}, Stealth: []int{stealth}})
				truth := s.Truth()
				if len(truth.Intrusions) != 1 {
					t.Fatalf("%d intrusions, want 1", len(truth.Intrusions))
				}
				i := truth.Intrusions[0]
				if i.ID != "i1" || i.Kind != kind || i.Stealth != stealth || i.Entry == "" || i.Start.Before(truth.LearnUntil) {
					t.Errorf("got %s %s %d %q %s", i.ID, i.Kind, i.Stealth, i.Entry, i.Start)
				}
				log, _, _ := written(t, s)
				index := map[string]string{}
				for _, r := range rows(t, log) {
					index[fmt.Sprintf("%d %s %d %s %d", micros(t, r.TS), r.Source, r.SourcePort, r.Destination, r.Port)] = r.State
				}
				moves := 0
				for _, c := range i.Connections {
					if got := index[fmt.Sprintf("%d %s %d %s %d", c.At.UnixMicro(), c.Source, c.SourcePort, c.Destination, c.Port)]; got != c.State {
						t.Errorf("%+v: the log says %q", c, got)
					}
					if c.Until.Before(c.At) {
						t.Errorf("%+v ends before it begins", c)
					}
					if c.Lateral && c.Success && (c.Kind == "move" || c.Kind == "goal") && (c.MonitoredSource || c.MonitoredDestination) {
						moves++
					}
				}
				if moves == 0 {
					t.Error("no move that a poller could see")
				}
			})
		}
	}
}

func TestReferenceIsOnTime(t *testing.T) {
	s := simulate(t, Options{Seed: 1, Days: 7, Intrusions: 1, Kinds: []string{"reference"}})
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

func TestHarmlessChangeGoesOnAfterLearning(t *testing.T) {
	n := 0
	for seed := range uint64(5) {
		truth := simulate(t, Options{Seed: seed}).Truth()
		if len(truth.Intrusions) != 0 {
			t.Fatal("an intrusion that nobody asked for")
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
	if n < 5*8 {
		t.Errorf("%d changes after the learning time of 5 companies", n)
	}
}

func TestMistakes(t *testing.T) {
	_, err := Simulate(Options{Days: 0, Hosts: 5, Intrusions: 30, Kinds: []string{"quiet"}, Stealth: []int{9}})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"days 0", "hosts 5", "intrusions 30", `kind "quiet"`, "stealth 9"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to say %q", err, want)
		}
	}
}

func TestAnySize(t *testing.T) {
	for _, hosts := range []int{10, 17, 120} {
		for seed := range uint64(4) {
			s := simulate(t, Options{Seed: seed, Days: 6, Hosts: hosts, Intrusions: 1})
			if n := s.Rows() / 6 / hosts; n < 300 || n > 1300 {
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
