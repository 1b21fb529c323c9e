package pattern

import "strings"

// keys are the windows of one rule, by key. Each belongs to the host that began
// it. When there are too many keys or matches, the host that has the most gives
// up the keys that it has used least recently.
type keys[W any] struct {
	patterns *Patterns
	all      map[string]*key[W]
	owners   map[string]*owner[W]
	matches  int // in all keys
	size     func(*W) int
}

// key is one key with its window.
type key[W any] struct {
	name       string
	owner      *owner[W]
	prev, next *key[W] // of the same owner; next was used more recently
	used       uint64
	touched    int64 // the stream's time then
	size       int   // matches in the window, as counted in those of all keys
	window     W
}

// owner is a host with the keys that it began.
type owner[W any] struct {
	host        string
	first, last *key[W] // used least and most recently
	load        int     // keys and matches
}

func newKeys[W any](p *Patterns, size func(*W) int) keys[W] {
	return keys[W]{patterns: p, all: map[string]*key[W]{}, owners: map[string]*owner[W]{}, size: size}
}

// use returns the key of a report, made if it isn't there, as the one used most
// recently.
func (t *keys[W]) use(r *report) *key[W] {
	k := t.all[r.By]
	if k == nil {
		k = &key[W]{name: strings.Clone(r.By)}
		t.all[k.name] = k
		t.own(k, r.Host)
	} else {
		t.unlink(k)
		t.link(k)
	}
	k.used, k.touched = t.patterns.used, t.patterns.clockAt(r.At)
	return k
}

// own gives a new key to a host.
func (t *keys[W]) own(k *key[W], host string) {
	o := t.owners[host]
	if o == nil {
		o = &owner[W]{host: strings.Clone(host)}
		t.owners[o.host] = o
	}
	k.owner = o
	o.load++
	t.link(k)
}

func (t *keys[W]) link(k *key[W]) {
	o := k.owner
	k.prev, k.next = o.last, nil
	if o.last != nil {
		o.last.next = k
	} else {
		o.first = k
	}
	o.last = k
}

func (t *keys[W]) unlink(k *key[W]) {
	o := k.owner
	if k.prev != nil {
		k.prev.next = k.next
	} else {
		o.first = k.next
	}
	if k.next != nil {
		k.next.prev = k.prev
	} else {
		o.last = k.prev
	}
}

// resized counts the matches of a key's window again.
func (t *keys[W]) resized(k *key[W]) {
	n := t.size(&k.window) - k.size
	k.size += n
	k.owner.load += n
	t.matches += n
}

func (t *keys[W]) drop(k *key[W]) {
	t.unlink(k)
	delete(t.all, k.name)
	t.matches -= k.size
	if k.owner.load -= k.size + 1; k.owner.load == 0 {
		delete(t.owners, k.owner.host)
	}
}

// expire drops the keys in whose windows nothing can count any more.
func (t *keys[W]) expire(within int64) {
	horizon, clock := t.patterns.limits.horizon(within), t.patterns.clock
	for _, k := range t.all {
		k.touched = min(k.touched, clock) // a host's clock can be ahead by years
		if k.touched+horizon < clock {
			t.drop(k)
		}
	}
}

// evict drops keys until there is room for some more.
func (t *keys[W]) evict() {
	limits := &t.patterns.limits
	if len(t.all) <= limits.Keys && t.matches <= limits.Matches {
		return
	}
	most, matches := limits.Keys-limits.Keys/32, limits.Matches-limits.Matches/32
	for len(t.all) > most || t.matches > matches {
		greediest, next := t.greediest()
		for greediest.first != nil && greediest.load >= next && (len(t.all) > most || t.matches > matches) {
			t.drop(greediest.first)
			t.patterns.dropped.Keys++
		}
	}
}

// greediest returns the owner that has the most, and what the next one has.
func (t *keys[W]) greediest() (o *owner[W], next int) {
	for _, other := range t.owners {
		switch {
		case o == nil:
			o = other
		case other.load > o.load || other.load == o.load && other.host < o.host:
			o, next = other, o.load
		default:
			next = max(next, other.load)
		}
	}
	return o, next
}
