package format

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"headstart/yamlsrc"
)

// comments are those that belong to a field or to an entry of a list.
type comments struct {
	above []string // lines, from # on
	blank bool     // a line is empty above all of it
	after string   // on the line of its beginning
	below []string // further in than what comes next
}

// comment is a comment of the file.
type comment struct {
	line, column int // from 1
	text         string
	alone        bool // nothing else is on the line
}

// begin is where a field or an entry of a list begins.
type begin struct {
	n            *yaml.Node // the key, or the entry
	line, column int
}

// commentsOf finds the comments of a file, which are what is not in a value.
func commentsOf(s *yamlsrc.File, root *yaml.Node) []comment {
	taken := map[int]int{} // the column at which the last value of a line ends
	occupy(s, root, taken)
	var notes []comment
	for i, line := range s.Lines {
		end := taken[i+1]
		if end < 0 {
			continue // a line of a block
		}
		rest := yamlsrc.SkipRunes(line, end)
		if hash := strings.Index(rest, "#"); hash >= 0 && (hash == 0 && end == 0 || hash > 0 && strings.TrimRight(rest[:hash], " \t|>+-0123456789]},:") == "") {
			column := len([]rune(line)) - len([]rune(rest[hash:])) + 1
			notes = append(notes, comment{i + 1, column, strings.TrimRight(rest[hash:], " \t\r"), strings.TrimSpace(yamlsrc.SkipRunes(line, 0)[:len(line)-len(rest[hash:])]) == ""})
		}
	}
	return notes
}

// occupy records which columns of which lines values take: up to where on the
// line, or -1 for the whole of it.
func occupy(s *yamlsrc.File, n *yaml.Node, taken map[int]int) {
	if n.Kind != yaml.ScalarNode {
		for _, child := range n.Content {
			occupy(s, child, taken)
		}
		return
	}
	extend := func(line, column int) {
		if taken[line] >= 0 {
			taken[line] = max(taken[line], column)
		}
	}
	last := yamlsrc.Place{Line: n.Line, Column: n.Column - 1}
	runes := []rune(n.Value)
	if len(runes) > 0 {
		last = s.PlaceIn(n, len(runes)-1)
	}
	switch block := n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0; {
	case block:
		extend(n.Line, n.Column) // the | itself
		for line := n.Line + 1; line <= last.Line && len(strings.TrimSpace(n.Value)) > 0; line++ {
			taken[line] = -1
		}
		return
	case n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0:
		quote := byte('"')
		if n.Style&yaml.SingleQuotedStyle != 0 {
			quote = '\''
		}
		if len(runes) == 0 {
			last.Column = n.Column
		}
		rest := yamlsrc.SkipRunes(s.Line(last.Line), last.Column)
		if end := strings.IndexByte(rest, quote); end >= 0 {
			last.Column += len([]rune(rest[:end])) + 1
		}
	}
	for line := n.Line; line < last.Line; line++ {
		taken[line] = -1
	}
	extend(last.Line, last.Column)
}

// commentTexts are the texts of a file's comments.
func commentTexts(s *yamlsrc.File, root *yaml.Node) []string {
	var texts []string
	for _, c := range commentsOf(s, root) {
		texts = append(texts, c.text)
	}
	return texts
}

// collect gives each comment to the field or the entry that it belongs to.
func (f *formatter) collect(root *yaml.Node) {
	f.comments = map[*yaml.Node]*comments{}
	begins := beginsOf(root, nil)
	slices.SortStableFunc(begins, func(a, b begin) int {
		if a.line != b.line {
			return a.line - b.line
		}
		return a.column - b.column
	})
	for _, b := range begins {
		f.comments[b.n] = &comments{}
	}
	for _, c := range commentsOf(f.File, root) {
		f.place(c, begins)
	}
	for i, b := range begins {
		if i > 0 && begins[i-1].line == b.line {
			continue // one that begins together with the entry it is in
		}
		top := b.line - 1 - len(f.comments[b.n].above)
		f.comments[b.n].blank = i > 0 && strings.TrimSpace(f.Line(top)) == "" && top > 0
	}
}

func beginsOf(n *yaml.Node, all []begin) []begin {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			all = append(all, begin{key, key.Line, key.Column})
			all = beginsOf(n.Content[i+1], all)
		}
	case yaml.SequenceNode:
		for _, one := range n.Content {
			if n.Style&yaml.FlowStyle == 0 {
				all = append(all, begin{one, one.Line, one.Column - 1}) // before the first field in it
			}
			all = beginsOf(one, all)
		}
	}
	return all
}

// place gives a comment to what is below it, or beside it, or, where it stands
// further in than what is below it, to what is above it.
func (f *formatter) place(c comment, begins []begin) {
	next, _ := slices.BinarySearchFunc(begins, c.line, func(b begin, line int) int {
		if b.line <= line {
			return -1
		}
		return 1
	})
	switch {
	case !c.alone && next > 0:
		// The innermost that begins on the line, or the last before it.
		r := f.comments[begins[next-1].n]
		if begins[next-1].line != c.line || r.after != "" {
			r.below = append(r.below, c.text)
			return
		}
		r.after = c.text
	case next == 0 && f.isHeader(c, begins[0]):
		f.head = append(f.head, c.text)
	case next == len(begins):
		f.foot = append(f.foot, c.text)
	case next > 0 && c.column > begins[next].column+1:
		owner := next - 1
		for owner > 0 && begins[owner].column > c.column {
			owner--
		}
		r := f.comments[begins[owner].n]
		r.below = append(r.below, c.text)
	default:
		r := f.comments[begins[next].n]
		r.above = append(r.above, c.text)
	}
}

// isHeader reports whether a comment is the file's, and not the first field's:
// an empty line stands between, or it speaks to editors.
func (f *formatter) isHeader(c comment, first begin) bool {
	if strings.HasPrefix(c.text, "# yaml-language-server:") {
		return true
	}
	for line := c.line + 1; line < first.line; line++ {
		if strings.TrimSpace(f.Line(line)) == "" {
			return true
		}
	}
	return false
}
