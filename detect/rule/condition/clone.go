package condition

// Clone returns a language that can compile what l could, without touching what
// l shares with its set.
func (l *Language) Clone() *Language {
	lists := *l.Lists
	lists.defined = make(map[listName]*Definition, len(l.Lists.defined))
	for name, d := range l.Lists.defined {
		one := *d
		lists.defined[name] = &one
	}
	all := make(map[string]*Macro, len(l.Macros.All))
	for name, m := range l.Macros.All {
		one := *m
		all[name] = &one
	}
	return NewLanguage(&lists, &Macros{All: all}, l.ids)
}

func (t Thresholds) Clone() Thresholds {
	if t == nil {
		return nil
	}
	all := make(Thresholds, len(t))
	for name, one := range t {
		own := *one
		all[name] = &own
	}
	return all
}
