package yamlsrc

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// File is the text of one file and the diagnostics on it so far.
type File struct {
	Name        string // as the user knows it
	dialect     *Dialect
	Lines       []string
	Diagnostics Diagnostics
}

// New returns an empty file of a dialect; [File.Parse] reads its text.
func New(name string, dialect *Dialect) *File { return &File{Name: name, dialect: dialect} }

// Dialect is what diagnostics know of the kind of files that are read.
type Dialect struct {
	Holds       string                                          // what a file holds: "one rule"
	Fields      []string                                        // of the root, to recognize a line without its colon
	Expressions []string                                        // fields whose values often begin with a quote
	Hint        func(what, field string, known []string) string // what an unknown field was meant to be; "" if unknown
}

// Place is a character of a file: line and column from 1.
type Place struct{ Line, Column int }

// PlaceOf returns the place where a node begins.
func PlaceOf(n *yaml.Node) Place { return Place{n.Line, n.Column} }

// maxErrors keeps one broken file from burying the errors in others.
const maxErrors = 100

// Errorf adds an error at a place; the zero place is the whole file.
func (f *File) Errorf(at Place, format string, args ...any) {
	switch {
	case len(f.Diagnostics) > maxErrors:
		return
	case len(f.Diagnostics) == maxErrors:
		f.Diagnostics = append(f.Diagnostics, &Diagnostic{File: f.Name, Message: fmt.Sprintf("more than %d errors; the others are not shown", maxErrors)})
		return
	}
	f.Diagnostics = append(f.Diagnostics, f.At(at, format, args...))
}

// At returns a diagnostic at a place, without adding it to the file's.
func (f *File) At(at Place, format string, args ...any) *Diagnostic {
	e := &Diagnostic{File: f.Name, Message: fmt.Sprintf(format, args...)}
	if at.Line > 0 {
		at.Line = min(at.Line, max(1, len(f.Lines)))
		e.Line, e.Source = at.Line, f.Line(at.Line)
		e.Column = min(max(1, at.Column), utf8.RuneCountInString(e.Source)+1)
	}
	return e
}

// Line returns a line by its number, empty beyond the end.
func (f *File) Line(n int) string {
	if n < 1 || n > len(f.Lines) {
		return ""
	}
	return f.Lines[n-1]
}

const byteOrderMark = "\ufeff"

// Parse reads a file as one plain YAML document and returns its root, nil when
// it is none.
func (f *File) Parse(data []byte) *yaml.Node {
	if strings.HasPrefix(string(data), byteOrderMark) {
		f.Errorf(Place{}, "the file begins with a byte order mark; save it as UTF-8 without one")
		return nil
	}
	if !utf8.Valid(data) {
		valid := strings.ToValidUTF8(string(data), string(utf8.RuneError))
		f.Lines = splitLines(valid)
		f.Errorf(f.firstInvalid(data), "not UTF-8; save the file with that encoding")
		return nil
	}
	f.Lines = splitLines(string(data))
	if f.rejectTabs(); len(f.Diagnostics) > 0 {
		return nil
	}
	var document yaml.Node
	decoder := yaml.NewDecoder(strings.NewReader(string(data)))
	if err := decoder.Decode(&document); err != nil {
		f.syntaxError(err)
		return nil
	}
	var second yaml.Node
	if decoder.Decode(&second) == nil {
		f.Errorf(PlaceOf(&second), "a second document begins here; a file holds %s", f.dialect.Holds)
		return nil
	}
	root := document.Content[0]
	if f.rejectReferences(root); len(f.Diagnostics) > 0 {
		return nil
	}
	return root
}

func (f *File) firstInvalid(data []byte) Place {
	n := 0
	for n < len(data) {
		r, size := utf8.DecodeRune(data[n:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		n += size
	}
	before := splitLines(string(data[:n]))
	return Place{len(before), utf8.RuneCountInString(before[len(before)-1]) + 1}
}

func (f *File) rejectTabs() {
	for i, line := range f.Lines {
		indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
		if tab := strings.IndexByte(indent, '\t'); tab >= 0 && len(indent) < len(line) {
			f.Errorf(Place{i + 1, tab + 1}, "a tab in the indentation; YAML is indented with spaces")
		}
	}
}

// syntaxError reports what the YAML parser says.
func (f *File) syntaxError(err error) {
	if errors.Is(err, io.EOF) {
		f.Errorf(Place{1, 1}, "the file is empty")
		return
	}
	text, line := strings.TrimPrefix(err.Error(), "yaml: "), 1
	if n, scanErr := fmt.Sscanf(text, "line %d:", &line); scanErr == nil && n == 1 {
		_, text, _ = strings.Cut(text, ": ")
	}
	line = f.faultyLine(line)
	source := f.Line(line)
	at := Place{line, len(source) - len(strings.TrimLeft(source, " ")) + 1}
	if why := f.explain(line, text); why != "" {
		text = why
	}
	f.Errorf(at, "not YAML: %s", text)
}

// maxSearched is the number of lines that are searched for a faulty one.
const maxSearched = 200

// faultyLine returns the line with which a file stops being YAML. The parser
// says a line, if any, that can be the one before or the first of the mapping:
// the better answer is the line after the longest beginning that it accepts.
// In a long file only the field is searched that the file breaks with.
func (f *File) faultyLine(said int) int {
	from, to := 0, len(f.Lines)
	if to > maxSearched {
		from, to = f.faultyField()
	}
	if to-from > maxSearched {
		return min(max(1, said), len(f.Lines))
	}
	for n := to - 1; n > from; n-- {
		if f.begins(n) {
			return n + 1
		}
	}
	return from + 1
}

// begins reports whether the first lines of a file are YAML.
func (f *File) begins(lines int) bool {
	var beginning yaml.Node
	return yaml.Unmarshal([]byte(strings.Join(f.Lines[:lines], "\n")), &beginning) == nil
}

// faultyField returns the lines before and up to the end of the field with which
// a file stops being YAML.
func (f *File) faultyField() (before, end int) {
	var starts []int // lines before each field
	for i, line := range f.Lines {
		if line != "" && line[0] != ' ' && line[0] != '#' && line[0] != '-' {
			starts = append(starts, i)
		}
	}
	starts = append(starts, len(f.Lines))
	n, _ := slices.BinarySearchFunc(starts, false, func(lines int, _ bool) int {
		if f.begins(lines) {
			return -1
		}
		return 1
	})
	if n == 0 || n == len(starts) {
		return 0, len(f.Lines)
	}
	return starts[n-1], starts[n]
}

// rejectReferences reports anchors, aliases and tags: no file needs them,
// and an alias of an alias grows without bound.
func (f *File) rejectReferences(n *yaml.Node) {
	switch {
	case n.Kind == yaml.AliasNode:
		f.Errorf(PlaceOf(n), "YAML aliases (*%s) can't be used here; write the value out", n.Value)
		return
	case n.Anchor != "":
		f.Errorf(PlaceOf(n), "YAML anchors (&%s) can't be used here", n.Anchor)
	case n.Style&yaml.TaggedStyle != 0:
		f.Errorf(PlaceOf(n), "YAML tags (%s) can't be used here; a value that begins with ! needs quotes", n.Tag)
	}
	for _, child := range n.Content {
		f.rejectReferences(child)
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
