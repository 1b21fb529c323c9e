package backtest

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// apart bounds the time between two incidents without a common alert that are the
// same.
const apart = time.Hour

// link counts what two incidents, by index in their outcomes, have in common.
type link struct {
	old, new             int
	alerts, edges, hosts int
}

// links returns the pairs of incidents that belong together, the closest first.
func links(old, new []*Incident) []link {
	found := map[[2]int]*link{}
	of := func(a, b int) *link {
		l := found[[2]int{a, b}]
		if l == nil {
			l = &link{old: a, new: b}
			found[[2]int{a, b}] = l
		}
		return l
	}
	common(old, new, func(i *Incident) []string { return i.Alerts }, func(a, b int) { of(a, b).alerts++ })
	near := func(a, b int) bool {
		return !old[a].LastActivityAt.Add(apart).Before(new[b].BeganAt) && !new[b].LastActivityAt.Add(apart).Before(old[a].BeganAt)
	}
	common(old, new, func(i *Incident) []edge { return i.edges }, func(a, b int) {
		if near(a, b) {
			of(a, b).edges++
		}
	})
	common(old, new, func(i *Incident) []string { return i.Hosts }, func(a, b int) {
		if near(a, b) {
			of(a, b).hosts++
		}
	})
	var all []link
	for _, l := range found {
		if l.alerts > 0 || l.edges > 0 || 2*l.hosts > min(len(old[l.old].Hosts), len(new[l.new].Hosts)) {
			all = append(all, *l)
		}
	}
	slices.SortFunc(all, func(a, b link) int {
		return cmp.Or(cmp.Compare(b.alerts, a.alerts), cmp.Compare(b.edges, a.edges), cmp.Compare(b.hosts, a.hosts), cmp.Compare(a.old, b.old), cmp.Compare(a.new, b.new))
	})
	return all
}

// maxSharing bounds the incidents compared for one common value: a host in all of
// them means little.
const maxSharing = 1000

// common calls do for every two incidents and each value that both have.
func common[T comparable](old, new []*Incident, things func(*Incident) []T, do func(old, new int)) {
	has := map[T][]int{}
	for n, i := range new {
		for _, t := range things(i) {
			if len(has[t]) < maxSharing {
				has[t] = append(has[t], n)
			}
		}
	}
	for n, i := range old {
		for _, t := range things(i) {
			for _, m := range has[t] {
				do(n, m)
			}
		}
	}
}

// pairing relates the incidents of two outcomes.
type pairing struct {
	pairs    [][2]int // each incident in one at most
	old, new [][]int  // by incident: the related ones of the other outcome
}

func pair(old, new []*Incident) pairing {
	p := pairing{old: make([][]int, len(old)), new: make([][]int, len(new))}
	taken := [2]map[int]bool{{}, {}}
	for _, l := range links(old, new) {
		p.old[l.old] = append(p.old[l.old], l.new)
		p.new[l.new] = append(p.new[l.new], l.old)
		if !taken[0][l.old] && !taken[1][l.new] {
			taken[0][l.old], taken[1][l.new] = true, true
			p.pairs = append(p.pairs, [2]int{l.old, l.new})
		}
	}
	slices.SortFunc(p.pairs, func(a, b [2]int) int { return cmp.Compare(a[0], b[0]) })
	return p
}

// difference returns the values of the second list that the first lacks, sorted.
func difference(from, to []string) []string {
	only := map[string]bool{}
	for _, t := range to {
		only[t] = true
	}
	for _, f := range from {
		delete(only, f)
	}
	return slices.SortedFunc(maps.Keys(only), strings.Compare)
}
