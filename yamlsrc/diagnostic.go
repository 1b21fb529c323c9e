package yamlsrc

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Diagnostic is an error in a file, or a warning, and its place.
type Diagnostic struct {
	File   string `json:"file"`             // as the user knows it: the directory's name and the file's
	Line   int    `json:"line,omitempty"`   // from 1; 0 when there is no place in the file
	Column int    `json:"column,omitempty"` // from 1, in characters; 0 when Line is

	Source  string `json:"source,omitempty"` // the line
	Message string `json:"message"`
	Code    string `json:"code,omitempty"` // of a warning; empty for an error
}

// Error returns "file:line:column: message", then the line and a caret under
// the place. A warning has its code in brackets.
func (e *Diagnostic) Error() string {
	var b strings.Builder
	b.WriteString(Printable(e.File))
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", e.Line, e.Column)
	}
	if e.Code != "" {
		b.WriteString(": warning")
	}
	b.WriteString(": " + Printable(e.Message))
	if e.Code != "" {
		b.WriteString(" [" + e.Code + "]")
	}
	if e.Line > 0 {
		e.writeSource(&b)
	}
	return b.String()
}

// A long line is cut to this many characters before and after the place.
const shownBefore, shownAfter = 120, 80

func (e *Diagnostic) writeSource(b *strings.Builder) {
	line := []rune(e.Source)
	at := min(max(e.Column-1, 0), len(line))
	from, to := max(0, at-shownBefore), min(len(line), at+shownAfter)
	shown, before := string(line[from:to]), line[from:at]
	if from > 0 {
		shown, before = "…"+shown, append([]rune{'…'}, before...)
	}
	if to < len(line) {
		shown += "…"
	}
	fmt.Fprintf(b, "\n%5d | %s\n      | %s^", e.Line, Printable(shown), caretIndent(before))
}

// caretIndent is as wide as the text above it: a tab stays a tab.
func caretIndent(text []rune) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, string(text))
}

// Printable replaces control characters, which could steer a terminal.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}

// Diagnostics are the errors of one or more files, or their warnings. As an
// error there is at least one, sorted by file, line and column.
type Diagnostics []*Diagnostic

// Error returns the errors one below the other, then their number.
func (e Diagnostics) Error() string {
	var b strings.Builder
	for _, one := range e {
		b.WriteString(one.Error())
		b.WriteByte('\n')
	}
	if len(e) == 1 {
		b.WriteString("1 error")
	} else {
		fmt.Fprintf(&b, "%d errors", len(e))
	}
	return b.String()
}

// Unwrap returns them for errors.As.
func (e Diagnostics) Unwrap() []error {
	all := make([]error, len(e))
	for i, one := range e {
		all[i] = one
	}
	return all
}

// Sort orders them by file, line and column.
func (e Diagnostics) Sort() {
	slices.SortStableFunc(e, func(a, b *Diagnostic) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}
