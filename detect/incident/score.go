package incident

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"headstart/event"
)

// DefaultThreshold is the risk score from which an incident is notified: that of
// one alert of high severity, or of two different ones of medium severity.
const DefaultThreshold = 60

const (
	// again is what each further thing adds that a rule fires on, as a part of
	// the rule's points, up to [mostAgain] times.
	again     = 0.25
	mostAgain = 4

	// onward is what each step adds with which the attacker went on from a host
	// that they had reached, up to [mostOnward].
	onward     = 25
	mostOnward = 75

	maxDistinct = 64
)

func (i *incident) addScore(s *Signal) (newRule bool) {
	p := i.Scores[s.Rule]
	if p == nil {
		p = &ruleScore{Title: s.Title, Distinct: map[key]bool{}}
		i.Scores[s.Rule] = p
		newRule = true
	}
	p.Best = max(p.Best, s.Score)
	k := key{From: s.actor(), To: s.Host}
	if n := len(s.Edges); n > 0 {
		k = s.Edges[n-1].key()
	}
	if len(p.Distinct) < maxDistinct {
		p.Distinct[k] = true
	}
	i.Severity = max(i.Severity, s.Severity)
	return newRule
}

// score sums up, with the reasons, the largest first.
func (i *incident) score() (float64, []event.ScoreReason) {
	var reasons []event.ScoreReason
	for rule, p := range i.Scores {
		more := min(len(p.Distinct)-1, mostAgain)
		text := p.Title
		if more > 0 {
			text = fmt.Sprintf("%s, %d times", text, len(p.Distinct))
		}
		reasons = append(reasons, event.ScoreReason{Points: round(p.Best * (1 + again*float64(more))), Text: text, Rule: rule})
	}
	if n := i.chain(); n > 1 && !i.KnownAt.IsZero() {
		reasons = append(reasons, event.ScoreReason{
			Points: min(onward*float64(n-1), mostOnward), Text: fmt.Sprintf("went on from host to host, %d steps in a row", n),
		})
	}
	slices.SortFunc(reasons, func(a, b event.ScoreReason) int {
		return cmp.Or(cmp.Compare(b.Points, a.Points), cmp.Compare(a.Rule, b.Rule))
	})
	total := 0.0
	for _, r := range reasons {
		total += r.Points
	}
	return round(total), reasons
}

func round(v float64) float64 { return float64(int64(v*10+0.5)) / 10 }

// chain returns the length of the longest run of steps each of which began
// where the one before had led, not before it.
func (i *incident) chain() int {
	steps := i.path()
	longest := make(map[string]int, len(i.Members)) // of the chains that end at a host
	reached := make(map[string]time.Time, len(i.Members))
	best := 0
	for _, s := range steps {
		if s.Attempt || s.DestinationExternal || !s.Alerted {
			continue
		}
		n := 1
		if before, ok := longest[s.SourceHost]; ok && !s.Last.Before(reached[s.SourceHost].Add(-slack)) {
			n = before + 1
		}
		if s.SourceExternal {
			n = 1
		}
		if n > longest[s.DestinationHost] {
			longest[s.DestinationHost], reached[s.DestinationHost] = n, s.At
		}
		best = max(best, n)
	}
	return best
}

// path returns the steps in order of time.
func (i *incident) path() []*step {
	steps := make([]*step, 0, len(i.Edges))
	for _, s := range i.Edges {
		steps = append(steps, s)
	}
	slices.SortFunc(steps, func(a, b *step) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.SourceHost, b.SourceHost), cmp.Compare(a.DestinationHost, b.DestinationHost), cmp.Compare(a.Port, b.Port))
	})
	return steps
}

// budget decides the threshold, so that about a stated number of incidents a day
// are notified.
type budget struct {
	Base, PerDay float64
	Peaks        []peak // of the incidents of the last budgetWindow
	At           time.Time
	Current      float64
}

type peak struct {
	ID    string
	At    time.Time
	Score float64
}

const (
	budgetWindow = 7 * 24 * time.Hour
	maxPeaks     = 10_000

	// ceiling bounds the threshold, as a multiple of the base: what is that sure is
	// notified whatever the budget.
	ceiling = 2.0
)

// observe notes an incident's score.
func (b *budget) observe(id string, at time.Time, score float64) {
	if b.PerDay <= 0 {
		return
	}
	for n := range b.Peaks {
		if b.Peaks[n].ID == id {
			b.Peaks[n].Score = max(b.Peaks[n].Score, score)
			return
		}
	}
	if len(b.Peaks) < maxPeaks {
		b.Peaks = append(b.Peaks, peak{id, at, score})
	}
}

// adapt sets the threshold once an hour.
func (b *budget) adapt(now time.Time) {
	if b.PerDay <= 0 || now.Sub(b.At) < time.Hour {
		return
	}
	b.At = now
	b.Peaks = slices.DeleteFunc(b.Peaks, func(p peak) bool { return now.Sub(p.At) > budgetWindow })
	b.Current = b.Base
	if len(b.Peaks) == 0 {
		return
	}
	days := max(1, now.Sub(b.Peaks[0].At).Hours()/24)
	allowed := int(b.PerDay * days)
	scores := make([]float64, len(b.Peaks))
	for n, p := range b.Peaks {
		scores[n] = p.Score
	}
	slices.SortFunc(scores, func(x, y float64) int { return cmp.Compare(y, x) })
	if allowed < len(scores) {
		b.Current = min(max(b.Base, scores[allowed]+1), b.Base*ceiling)
	}
}
