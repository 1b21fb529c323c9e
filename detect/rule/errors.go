package rule

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Error is one mistake in a directory of rules, or what deserves a look, and
// where it is.
type Error struct {
	File   string `json:"file"`             // as the user knows it: the directory's name and the file's
	Line   int    `json:"line,omitempty"`   // from 1; 0 when the mistake has no place in the file
	Column int    `json:"column,omitempty"` // from 1, in characters; 0 when Line is

	Source  string `json:"source,omitempty"` // the line
	Message string `json:"message"`
	Code    string `json:"code,omitempty"` // of a warning, see [Lints]; empty for a mistake
}

// Error returns "file:line:column: message", then the line and a caret under
// the place. A warning says that it is one, and its code.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(printable(e.File))
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", e.Line, e.Column)
	}
	if e.Code != "" {
		b.WriteString(": warning")
	}
	b.WriteString(": " + printable(e.Message))
	if e.Code != "" {
		b.WriteString(" [" + e.Code + "]")
	}
	if e.Line > 0 {
		e.writeSource(&b)
	}
	return b.String()
}

// The part of a long line that is shown has this many characters before and
// after the place.
const shownBefore, shownAfter = 120, 80

func (e *Error) writeSource(b *strings.Builder) {
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
	fmt.Fprintf(b, "\n%5d | %s\n      | %s^", e.Line, printable(shown), caretIndent(before))
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

// printable keeps what a rule file holds from steering a terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}

// Errors are all the mistakes in a directory of rules, by file, line and
// column. There is at least one.
type Errors []*Error

// Error returns the mistakes one below the other, then their number.
func (e Errors) Error() string {
	var b strings.Builder
	for _, one := range e {
		b.WriteString(one.Error())
		b.WriteByte('\n')
	}
	if len(e) == 1 {
		b.WriteString("1 mistake")
	} else {
		fmt.Fprintf(&b, "%d mistakes", len(e))
	}
	return b.String()
}

// Unwrap returns the mistakes for errors.As.
func (e Errors) Unwrap() []error {
	all := make([]error, len(e))
	for i, one := range e {
		all[i] = one
	}
	return all
}

func (e Errors) sort() {
	slices.SortStableFunc(e, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}
