package pattern_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"headstart/detect/pattern"
)

// TestOrderChangesNothing holds what fires, whatever the order of arrival
// within the bound, against what the definitions say of all the matches
// together.
func TestOrderChangesNothing(t *testing.T) {
	kinds := map[string]int{}
	for seed := range sample(4000) {
		random := rand.New(rand.NewPCG(seed, 1))
		r := someRule(random)
		history := someHistory(random, r)
		want := expected(r, history)
		for n := range 3 {
			if n > 0 {
				history = shuffled(random, history)
			}
			p := newPatterns(r)
			var fired []pattern.Fired
			for i := range history {
				fired = append(fired, history[i].feed(p)...)
			}
			if got := names(fired); !slices.Equal(got, want) {
				t.Fatalf("seed %d, order %d: %s\n%s got:\n%s\n want:\n%s", seed, n, describeRule(r), describe(history),
					strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			if d := p.Dropped(); d != (pattern.Dropped{}) {
				t.Fatalf("seed %d: dropped %+v", seed, d)
			}
		}
		kind, _, _ := strings.Cut(describeRule(r), " ")
		kinds[kind] += len(want)
	}
	for _, kind := range []string{"count", "sequence", "path"} {
		if kinds[kind] < 700*int(sample(4000))/4000 {
			t.Errorf("only %d fired of kind %s", kinds[kind], kind)
		}
	}
}

// sample returns the number of seeds of a test: a fraction with -short.
func sample(seeds uint64) uint64 {
	if testing.Short() {
		return seeds / 5
	}
	return seeds
}
