package condition

import (
	"slices"

	"headstart/event"
)

// kindOfChange is what goes together in a change.
type kindOfChange struct {
	facts Facts
	over  bool // the connection, or the listening, has ended
}

// KindsOfChange are all there are.
func KindsOfChange() []kindOfChange {
	d := Dimensions()
	only := func(f Facts, n int, allowed Facts) Facts { return f & (allowed | ^d[n].All()) }
	change := func(k event.Kind, attempted, open, closed, over bool) (all []kindOfChange) {
		f := only(allFacts, byEvent, d[byEvent].Fact(int(k)))
		f = only(f, byAttempted, d[byAttempted].truth(attempted))
		f = only(f, byOpen, d[byOpen].truth(open))
		f = only(f, byClosed, d[byClosed].truth(closed))
		if !over {
			f = only(f, byReason, d[byReason].Fact(0))
		}
		listen := d[byState].Fact(int(event.Listen))
		if k == event.Listening || k == event.StoppedListening {
			f = only(f, byDirection, d[byDirection].Fact(0))
			f = only(f, byDirectionFrom, d[byDirectionFrom].Fact(0))
			f = only(f, byState, listen)
			f = only(f, byKnown, d[byKnown].truth(false))
			f = only(only(f, byInternal, d[byInternal].truth(false)), byExternal, d[byExternal].truth(false))
			return []kindOfChange{{f, over}}
		}
		f = only(f, byDirection, ^d[byDirection].Fact(0))
		f = only(f, byDirectionFrom, ^d[byDirectionFrom].Fact(0))
		f = only(f, byState, ^listen)
		for _, internal := range []bool{true, false} {
			all = append(all, kindOfChange{only(only(f, byInternal, d[byInternal].truth(internal)), byExternal, d[byExternal].truth(!internal)), over})
		}
		return all
	}
	return slices.Concat(
		change(event.Listening, false, false, false, false), change(event.StoppedListening, false, false, true, true),
		change(event.Attempted, true, false, false, false), change(event.Opened, false, true, false, false),
		change(event.Opened, false, false, false, true), change(event.Closed, false, false, true, true))
}
