package simulate

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"hash"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// goldens are the configurations of which testdata/golden.txt holds hashes:
// every kind of intrusion at every stealth level, then six companies in which
// every routine and every change happens at least once.
func goldens(short bool) map[string]Options {
	all := map[string]Options{}
	seed := uint64(0)
	for _, kind := range Kinds() {
		for stealth := range MaxStealth + 1 {
			if kind == "reference" && stealth > 0 {
				continue
			}
			seed++
			if short && seed%3 != 1 {
				continue
			}
			o := Options{Seed: 1 + seed%8, Days: 2, Hosts: 20, Learn: 24 * time.Hour, Intrusions: 1, Kinds: []string{kind}, Stealth: []int{stealth}}
			all[fmt.Sprintf("%s-%d", kind, stealth)] = o
		}
	}
	all["noisy"] = Options{Seed: 9, Days: 4, Hosts: 16, Learn: 24 * time.Hour, Intrusions: 16, Stealth: []int{0}}
	for n, seed := range []uint64{188, 120, 264, 179, 378, 153} {
		if !short || n < 2 {
			o := Options{Seed: seed, Days: 2, Hosts: 50, Learn: 24 * time.Hour, Intrusions: 3}
			all[fmt.Sprintf("company-%d", seed)] = o
		}
	}
	return all
}

// fingerprint hashes conn.log, inventory.yaml and truth.json.
func fingerprint(t testing.TB, s *Simulation) string {
	t.Helper()
	sums := [3]hash.Hash{sha256.New(), sha256.New(), sha256.New()}
	if err := s.WriteLog(sums[0]); err != nil {
		t.Fatal(err)
	}
	if err := s.WriteInventory(sums[1]); err != nil {
		t.Fatal(err)
	}
	if err := json.NewEncoder(sums[2]).Encode(s.Truth()); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x %x %x", sums[0].Sum(nil), sums[1].Sum(nil), sums[2].Sum(nil))
}

// TestGolden holds the output of a seed still: published measurements name
// seeds, and a rewrite of the simulator must not change what they mean.
func TestGolden(t *testing.T) {
	data, err := os.ReadFile("testdata/golden.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for line := range strings.Lines(string(data)) {
		name, sums, _ := strings.Cut(strings.TrimSpace(line), " ")
		want[name] = sums
	}
	for name, o := range goldens(testing.Short()) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := fingerprint(t, simulate(t, o)); got != want[name] {
				t.Errorf("conn.log, inventory.yaml, truth.json:\n got %s %s\nwant %s %s", name, got, name, want[name])
			}
		})
	}
}

func TestSortRows(t *testing.T) {
	r := newRandom(1, "sort")
	for range 50 {
		var rows []connection
		for n := range r.count(0, 40) {
			rows = append(rows, connection{at: time.Duration(r.IntN(12)), row: row{port: uint16(n)}})
		}
		want := slices.Clone(rows)
		slices.SortStableFunc(want, func(a, b connection) int { return cmp.Compare(a.at, b.at) })
		sortRows(rows, func(x *connection) time.Duration { return x.at })
		if !slices.Equal(rows, want) {
			t.Fatalf("got %v, want %v", rows, want)
		}
	}
}
