package condition

import (
	"fmt"

	"headstart/event"
)

// Facts is a set of statements about a change: for each field that has few
// values (conn.event, conn.state, conn.open, …) a bit for each of them. A
// change has exactly one bit of each field; a condition has the bits of all
// the values with which it can hold.
type Facts uint64

// allFacts is what a condition that needs nothing has.
const allFacts = ^Facts(0)

// dimension is a field with few values and its place in facts. A number that
// has no name, which only a damaged message can hold, has the bit after them.
type dimension struct {
	Field string
	names []string // by number; nil for true or false
	least int      // the least number that a sound message can hold
	shift int
	size  int
}

// values are the texts that a condition can compare the field with.
func (d *dimension) values() []string {
	if d.names == nil {
		return nil
	}
	return d.names[d.least:]
}

func (d *dimension) All() Facts { return (1<<d.size - 1) << d.shift }

// Fact returns the bit of a value by its number.
func (d *dimension) Fact(n int) Facts { return 1 << (d.shift + min(n, d.size-1)) }

func (d *dimension) truth(value bool) Facts {
	if value {
		return d.Fact(1)
	}
	return d.Fact(0)
}

// The dimensions, in the order of their bits.
const (
	byEvent = iota
	byDirection
	byDirectionFrom
	byState
	byReason
	byAttempted
	byOpen
	byClosed
	byBeganBefore
	byLoopback
	byInternal
	byExternal
	byKnown
	byWeekday
	dimensionCount
)

func Dimensions() [dimensionCount]dimension {
	all := [dimensionCount]dimension{
		byEvent:         {Field: "conn.event", names: namesUntil(event.Closed), least: 1},
		byDirection:     {Field: "conn.direction", names: namesUntil(event.Outbound)},
		byDirectionFrom: {Field: "conn.direction_from", names: namesUntil(event.FromPorts)},
		byState:         {Field: "conn.state", names: namesUntil(event.NewSynRecv), least: 1},
		byReason:        {Field: "conn.reason", names: namesUntil(event.PortReused)},
		byAttempted:     {Field: "conn.attempted"},
		byOpen:          {Field: "conn.open"},
		byClosed:        {Field: "conn.closed"},
		byBeganBefore:   {Field: "conn.began_before"},
		byLoopback:      {Field: "conn.loopback"},
		byInternal:      {Field: "peer.internal"},
		byExternal:      {Field: "peer.external"},
		byKnown:         {Field: "peer.known"},
		byWeekday:       {Field: "conn.weekday", names: weekdayNames[:]},
	}
	shift := 0
	for i := range all {
		if i == byWeekday {
			// Conditions are not indexed by it: no change has its one bit.
			all[i].shift, all[i].size = 63, 1
			continue
		}
		all[i].shift, all[i].size = shift, 2
		if all[i].names != nil {
			all[i].size = len(all[i].names) + 1
		}
		shift += all[i].size
	}
	if shift > 63 {
		panic("condition: more facts than bits")
	}
	return all
}

var weekdayNames = [...]string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

// namesUntil lists the names of an enumeration by number, up to the last.
func namesUntil[T interface {
	~uint8
	fmt.Stringer
}](last T) []string {
	var names []string
	for n := T(0); n <= last; n++ {
		names = append(names, n.String())
	}
	return names
}
