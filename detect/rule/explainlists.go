package rule

// Entries are those of a list of lists.yaml, in order, written as there; nil when
// there is no such list. Kind is ports, networks, roles or hosts.
func (s *Set) Entries(kind, name string) []string {
	l := s.language.Lists
	if !l.Has(kind, name) {
		return nil
	}
	return l.Texts(kind, []string{name})
}
