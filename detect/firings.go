package detect

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"headstart/detect/rule"
)

// firings hold when the rules that others query with fired(…) last fired about a
// host. Their number is bounded by those rules and the known hosts; each is
// forgotten once no rule looks back so far.
type firings map[string]map[string]time.Time // by rule and host

// firingState is one as it is saved.
type firingState struct {
	Rule, Host string
	At         time.Time
}

// recordFiring notes that a rule has fired about a host.
func (c *Engine) recordFiring(r *rule.Rule, host string, at time.Time) {
	if c.set.Feeds(r.ID) == 0 {
		return
	}
	hosts := c.firings[r.ID]
	if hosts == nil {
		hosts = map[string]time.Time{}
		c.firings[r.ID] = hosts
	}
	if len(hosts) >= c.options.MaxHosts && hosts[host].IsZero() {
		c.counts.FiringsForgotten++
		return
	}
	if at.After(hosts[host]) {
		hosts[host] = at
		c.fired = true
	}
}

// lastFired says when a rule last fired about a host.
func (c *Engine) lastFired(id, host string) (time.Time, bool) {
	at, ok := c.firings[id][host]
	return at, ok
}

func (f firings) expire(now time.Time, set *rule.Set) {
	for id, hosts := range f {
		within := set.Feeds(id)
		maps.DeleteFunc(hosts, func(_ string, at time.Time) bool { return now.Sub(at) > within+clocksApart })
		if len(hosts) == 0 {
			delete(f, id)
		}
	}
}

// clocksApart is how far the clock of another host can be behind.
const clocksApart = time.Hour

func (f firings) len() int {
	n := 0
	for _, hosts := range f {
		n += len(hosts)
	}
	return n
}

func (f firings) save() (all []firingState) {
	for id, hosts := range f {
		for host, at := range hosts {
			all = append(all, firingState{id, host, at})
		}
	}
	slices.SortFunc(all, func(a, b firingState) int { return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Host, b.Host)) })
	return all
}

func (f firings) restore(all []firingState) {
	for _, one := range all {
		if f[one.Rule] == nil {
			f[one.Rule] = map[string]time.Time{}
		}
		f[one.Rule][one.Host] = one.At
	}
}
