package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// result is one benchmark's best round.
type result struct {
	name   string
	values map[string]float64 // by unit
}

type results []*result

// parse reads the output of go test -bench: a name, a count, then pairs of a
// value and its unit (golang.org/design/14313-benchmark-format).
func parse(out []byte) (results, error) {
	var all results
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		name := strings.TrimPrefix(fields[0], "Benchmark")
		if i := strings.LastIndexByte(name, '-'); i > 0 {
			name = name[:i]
		}
		values := map[string]float64{}
		for i := 2; i+1 < len(fields); i += 2 {
			v, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return nil, fmt.Errorf("benchmark %s: %w", name, err)
			}
			values[fields[i+1]] = v
		}
		all = all.add(&result{name, values})
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no benchmarks in the output:\n%s", out)
	}
	return all, nil
}

// add keeps the faster of two rounds of one benchmark.
func (all results) add(r *result) results {
	for i, old := range all {
		if old.name == r.name {
			if r.values["ns/op"] < old.values["ns/op"] {
				all[i] = r
			}
			return all
		}
	}
	return append(all, r)
}

// write writes a table with a column for each unit that occurs.
func (all results) write(w io.Writer) {
	var units []string
	for _, r := range all {
		for unit := range r.values {
			if !slices.Contains(units, unit) {
				units = append(units, unit)
			}
		}
	}
	order := []string{"ns/row", "ns/event", "ns/op", "p50-ms", "p99-ms", "B/row", "MB/s", "B/op", "allocs/op"}
	slices.SortFunc(units, func(a, b string) int {
		if i, j := slices.Index(order, a), slices.Index(order, b); i != j {
			return i - j
		}
		return strings.Compare(a, b)
	})
	fmt.Fprintf(w, "| benchmark | %s |\n|---|%s\n", strings.Join(units, " | "), strings.Repeat("---:|", len(units)))
	for _, r := range all {
		fmt.Fprintf(w, "| %s |", r.name)
		for _, unit := range units {
			v, ok := r.values[unit]
			switch {
			case !ok:
				fmt.Fprint(w, " |")
			case v >= 100 || v == float64(int64(v)):
				fmt.Fprintf(w, " %.0f |", v)
			default:
				fmt.Fprintf(w, " %.2f |", v)
			}
		}
		fmt.Fprintln(w)
	}
}
