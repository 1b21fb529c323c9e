package rule

import "headstart/detect/rule/condition"

// index finds the parts of rules that could hold for a change. Most changes leave it
// after a look at the few rules that need their port and a comparison of bits
// with each of the rules that need no port.
type index struct {
	byPort  map[uint16][]candidate
	anyPort []candidate
}

// candidate is a part of an enabled rule with what it needs of a change.
type candidate struct {
	needs condition.Guard
	rule  *Rule
	part  int
}

// A rule that needs one of more ports than this is kept once and not with each
// of them.
const maxPortEntries = 64

func newIndex(rules []*Rule) index {
	x := index{byPort: make(map[uint16][]candidate)}
	for _, r := range rules {
		if !r.Enabled {
			continue
		}
		for i := range r.parts {
			c := candidate{r.parts[i].When.Needs, r, i}
			if r.parts[i].Lasts > 0 {
				c.needs = c.needs.WhileItLasts()
			}
			x.add(c)
		}
	}
	return x
}

func (x *index) add(c candidate) {
	ports, rest, few := c.needs.Split(maxPortEntries)
	if !few {
		x.anyPort = append(x.anyPort, c)
		return
	}
	c.needs = rest
	for _, port := range ports {
		x.byPort[port] = append(x.byPort[port], c)
	}
}
