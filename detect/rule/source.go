package rule

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// source is the text of one file and the mistakes found in it so far.
type source struct {
	file   string
	lines  []string
	errors Errors
}

// place is a character of a file: line and column from 1.
type place struct{ line, column int }

func placeOf(n *yaml.Node) place { return place{n.Line, n.Column} }

// One broken file must not bury the mistakes in the others.
const maxMistakes = 100

func (s *source) mistake(at place, format string, args ...any) {
	switch {
	case len(s.errors) > maxMistakes:
		return
	case len(s.errors) == maxMistakes:
		s.errors = append(s.errors, &Error{File: s.file, Message: fmt.Sprintf("more than %d mistakes; the others are not shown", maxMistakes)})
		return
	}
	s.errors = append(s.errors, s.warning(at, format, args...))
}

// warning returns what is to be said of a place, without counting it as a
// mistake.
func (s *source) warning(at place, format string, args ...any) *Error {
	e := &Error{File: s.file, Message: fmt.Sprintf(format, args...)}
	if at.line > 0 {
		at.line = min(at.line, max(1, len(s.lines)))
		e.Line, e.Source = at.line, s.line(at.line)
		e.Column = min(max(1, at.column), utf8.RuneCountInString(e.Source)+1)
	}
	return e
}

// line returns a line by its number, empty beyond the end.
func (s *source) line(n int) string {
	if n < 1 || n > len(s.lines) {
		return ""
	}
	return s.lines[n-1]
}

const byteOrderMark = "\ufeff"

// parse reads a file as one plain YAML document and returns its root, nil when
// it is none.
func (s *source) parse(data []byte) *yaml.Node {
	if strings.HasPrefix(string(data), byteOrderMark) {
		s.mistake(place{}, "the file begins with a byte order mark; save it as UTF-8 without one")
		return nil
	}
	if !utf8.Valid(data) {
		valid := strings.ToValidUTF8(string(data), string(utf8.RuneError))
		s.lines = splitLines(valid)
		s.mistake(s.firstInvalid(data), "not UTF-8; save the file with that encoding")
		return nil
	}
	s.lines = splitLines(string(data))
	if s.refuseTabs(); len(s.errors) > 0 {
		return nil
	}
	var document yaml.Node
	decoder := yaml.NewDecoder(strings.NewReader(string(data)))
	if err := decoder.Decode(&document); err != nil {
		s.syntaxMistake(err)
		return nil
	}
	var second yaml.Node
	if decoder.Decode(&second) == nil {
		s.mistake(placeOf(&second), "a second document begins here; a file holds one rule")
		return nil
	}
	root := document.Content[0]
	if s.refuseReferences(root); len(s.errors) > 0 {
		return nil
	}
	return root
}

func (s *source) firstInvalid(data []byte) place {
	n := 0
	for n < len(data) {
		r, size := utf8.DecodeRune(data[n:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		n += size
	}
	before := splitLines(string(data[:n]))
	return place{len(before), utf8.RuneCountInString(before[len(before)-1]) + 1}
}

func (s *source) refuseTabs() {
	for i, line := range s.lines {
		indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
		if tab := strings.IndexByte(indent, '\t'); tab >= 0 && len(indent) < len(line) {
			s.mistake(place{i + 1, tab + 1}, "a tab in the indentation; YAML is indented with spaces")
		}
	}
}

// syntaxMistake reports what the YAML parser says.
func (s *source) syntaxMistake(err error) {
	if errors.Is(err, io.EOF) {
		s.mistake(place{1, 1}, "the file is empty")
		return
	}
	text, line := strings.TrimPrefix(err.Error(), "yaml: "), 1
	if n, scanErr := fmt.Sscanf(text, "line %d:", &line); scanErr == nil && n == 1 {
		_, text, _ = strings.Cut(text, ": ")
	}
	line = s.faultyLine(line)
	source := s.line(line)
	at := place{line, len(source) - len(strings.TrimLeft(source, " ")) + 1}
	if why := s.yamlMistake(line, text); why != "" {
		text = why
	}
	s.mistake(at, "not YAML: %s", text)
}

// The lines among which the place of a mistake is searched for.
const maxSearched = 200

// faultyLine returns the line with which a file stops being YAML. The parser
// says a line, if any, that can be the one before or the first of the mapping:
// the better answer is the line after the longest beginning that it accepts.
// In a long file only the field is searched that the file breaks with.
func (s *source) faultyLine(said int) int {
	from, to := 0, len(s.lines)
	if to > maxSearched {
		from, to = s.faultyField()
	}
	if to-from > maxSearched {
		return min(max(1, said), len(s.lines))
	}
	for n := to - 1; n > from; n-- {
		if s.begins(n) {
			return n + 1
		}
	}
	return from + 1
}

// begins reports whether the first lines of a file are YAML.
func (s *source) begins(lines int) bool {
	var beginning yaml.Node
	return yaml.Unmarshal([]byte(strings.Join(s.lines[:lines], "\n")), &beginning) == nil
}

// faultyField returns the lines before and up to the end of the field with which
// a file stops being YAML.
func (s *source) faultyField() (before, end int) {
	var starts []int // lines before each field
	for i, line := range s.lines {
		if line != "" && line[0] != ' ' && line[0] != '#' && line[0] != '-' {
			starts = append(starts, i)
		}
	}
	starts = append(starts, len(s.lines))
	n, _ := slices.BinarySearchFunc(starts, false, func(lines int, _ bool) int {
		if s.begins(lines) {
			return -1
		}
		return 1
	})
	if n == 0 || n == len(starts) {
		return 0, len(s.lines)
	}
	return starts[n-1], starts[n]
}

// refuseReferences reports anchors, aliases and tags: a rule has no use for
// them, and an alias of an alias grows without bound.
func (s *source) refuseReferences(n *yaml.Node) {
	switch {
	case n.Kind == yaml.AliasNode:
		s.mistake(placeOf(n), "YAML aliases (*%s) can't be used here; write the value out", n.Value)
		return
	case n.Anchor != "":
		s.mistake(placeOf(n), "YAML anchors (&%s) can't be used here", n.Anchor)
	case n.Style&yaml.TaggedStyle != 0:
		s.mistake(placeOf(n), "YAML tags (%s) can't be used here; a value that begins with ! needs quotes", n.Tag)
	}
	for _, child := range n.Content {
		s.refuseReferences(child)
	}
}

// splitLines splits at what YAML 1.1 takes for a line break, so that line
// numbers agree with the parser's.
func splitLines(text string) []string {
	var lines []string
	start := 0
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		next := i + size
		switch r {
		case '\r':
			if next < len(text) && text[next] == '\n' {
				next++
			}
			fallthrough
		case '\n', '\u0085', '\u2028', '\u2029':
			lines = append(lines, text[start:i])
			start = next
		}
		i = next
	}
	return append(lines, text[start:])
}
