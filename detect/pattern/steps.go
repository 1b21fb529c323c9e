package pattern

import "slices"

// steps is a sum that grows in time: at each of its times by an amount. Adding
// at the end, dropping at the beginning and asking take O(log n); anywhere else
// a step is moved for each later one.
type steps struct {
	at   []int64
	sum  []int64 // of all amounts up to that time, and base
	base int64   // amounts that were dropped from the beginning
}

// add adds an amount at a time; a negative one takes back what was added.
func (s *steps) add(at, amount int64) {
	i, found := slices.BinarySearch(s.at, at)
	if !found {
		s.at = slices.Insert(s.at, i, at)
		s.sum = slices.Insert(s.sum, i, s.before(i))
	}
	for j := i; j < len(s.sum); j++ {
		s.sum[j] += amount
	}
	if s.sum[i] != s.before(i) {
		return
	}
	s.at, s.sum = slices.Delete(s.at, i, i+1), slices.Delete(s.sum, i, i+1)
}

// drop takes back an amount, cheaply if it is all there is at the first time.
func (s *steps) drop(at, amount int64) {
	if len(s.at) > 0 && s.at[0] == at && s.sum[0] == s.base+amount {
		s.base += amount
		s.at, s.sum = s.at[1:], s.sum[1:]
		return
	}
	s.add(at, -amount)
}

func (s *steps) before(i int) int64 {
	if i == 0 {
		return s.base
	}
	return s.sum[i-1]
}

// place returns the place after the last step up to a time.
func (s *steps) place(at int64) int {
	i, found := slices.BinarySearch(s.at, at)
	if found {
		i++
	}
	return i
}

// cursor asks steps for one time after another.
type cursor struct {
	*steps
	i int
}

// until returns the sum up to a time, which never decreases from call to call.
func (c *cursor) until(at int64) int64 {
	for c.i < len(c.at) && c.at[c.i] <= at {
		c.i++
	}
	return c.before(c.i) - c.base
}
