package simulate

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"time"
)

// random is one source of randomness. Each activity of a company has its own,
// so that a new activity leaves the others as they were.
type random struct{ *rand.Rand }

func newRandom(seed uint64, name string) random {
	h := fnv.New64a()
	h.Write([]byte(name))
	return random{rand.New(rand.NewPCG(seed, h.Sum64()))}
}

func (r random) chance(p float64) bool { return r.Float64() < p }

// between is uniform in [low, high).
func (r random) between(low, high float64) float64 { return low + (high-low)*r.Float64() }

// span is uniform in [low, high).
func (r random) span(low, high time.Duration) time.Duration {
	return low + time.Duration(float64(high-low)*r.Float64())
}

// count is uniform in [low, high].
func (r random) count(low, high int) int {
	if high <= low {
		return low
	}
	return low + r.IntN(high-low+1)
}

// around is log-normal: half the values lie below the median, and sigma is the
// standard deviation of their logarithm. 1 is a broad, 2 a very heavy tail.
func (r random) around(median time.Duration, sigma float64) time.Duration {
	return time.Duration(float64(median) * math.Exp(sigma*r.NormFloat64()))
}

// amount is log-normal, of bytes.
func (r random) amount(median, sigma float64) int64 {
	return int64(min(median*math.Exp(sigma*r.NormFloat64()), 1e12))
}

// wait is the time until the next of events that are that far apart on average.
func (r random) wait(mean time.Duration) time.Duration {
	return time.Duration(float64(mean) * r.ExpFloat64())
}

func (r random) poisson(mean float64) int {
	switch {
	case mean <= 0:
		return 0
	case mean > 50:
		return max(0, int(math.Round(mean+math.Sqrt(mean)*r.NormFloat64())))
	}
	n, p, limit := 0, r.Float64(), math.Exp(-mean)
	for p > limit {
		n, p = n+1, p*r.Float64()
	}
	return n
}

// rank is Zipf-like in [0, n): small numbers come often.
func (r random) rank(n int) int {
	return min(n-1, int(math.Pow(float64(n)+1, r.Float64()))-1)
}

// port picks one of several ports; a port that is listed twice is as likely as
// two.
func (r random) port(list ...uint16) uint16 { return pick(r, list) }

// dice is what choices are drawn from: a random, or something that embeds one.
type dice interface {
	IntN(n int) int
	Perm(n int) []int
}

func pick[T any](r dice, list []T) T { return list[r.IntN(len(list))] }

// some picks n different elements, or all if there are fewer.
func some[T any](r dice, list []T, n int) []T {
	picked := make([]T, 0, max(0, min(n, len(list))))
	for _, i := range r.Perm(len(list)) {
		if len(picked) >= n {
			break
		}
		picked = append(picked, list[i])
	}
	return picked
}
