// Package term formats text for a terminal: wrapped words, aligned tables, with or
// without colours. It is pure: it returns text.
//
// It guarantees that no text can move the cursor, end a line, change a colour or
// reverse the direction of reading: names come from other hosts, and the attacker
// may choose them.
package term

import (
	"fmt"
	"strings"

	"github.com/clipperhouse/displaywidth"
)

// Style is an escape sequence, or none.
type Style string

// Styles by appearance.
const (
	Regular Style = ""
	Bold    Style = "\x1b[1m"
	Faint   Style = "\x1b[2m"
	Cyan    Style = "\x1b[36m"
	Yellow  Style = "\x1b[33m"
	Red     Style = "\x1b[31m"
	Alarm   Style = "\x1b[1;37;41m" // bold white on red

	reset = "\x1b[0m"
)

// Of returns text in the style.
func (s Style) Of(text string) Span { return Span{s, text} }

// Format returns formatted text in the style.
func (s Style) Format(format string, args ...any) Span { return Span{s, fmt.Sprintf(format, args...)} }

// Each returns texts in the style, such as the cells of a row.
func (s Style) Each(texts ...string) []Span {
	spans := make([]Span, 0, len(texts))
	for _, text := range texts {
		spans = append(spans, s.Of(text))
	}
	return spans
}

// Span is a stretch of text in one style.
type Span struct {
	Style Style
	Text  string
}

// Page is the output. The zero Page is a pipe: no colours, and lines of any length.
type Page struct {
	Colour  bool
	Columns int // of the terminal; 0: lines may have any length
	Margin  int // indent of wrapped lines; at most 2 on a narrow terminal
}

// narrow is the width below which a terminal has no room for a margin.
const narrow = 60

// Indent returns the indent of wrapped lines.
func (p Page) Indent() int {
	if p.Columns > 0 && p.Columns < narrow {
		return min(2, p.Margin)
	}
	return p.Margin
}

// Paint returns plain text in a style.
func (p Page) Paint(style Style, text string) string {
	if !p.Colour || style == "" || text == "" {
		return text
	}
	return string(style) + text + reset
}

// Fill appends head, which takes the given columns, and the spans, separated by two
// spaces. Words beyond the width continue at the margin. A word longer than a line
// stays whole.
func (p Page) Fill(b *strings.Builder, head string, columns int, spans ...Span) {
	p.fill(b, line{head, columns, p.Indent()}, spans)
}

// line is the beginning of a line, and the margin where it continues.
type line struct {
	head            string
	columns, margin int
}

func (p Page) fill(b *strings.Builder, l line, spans []Span) {
	b.WriteString(l.head)
	at, first := l.columns, true
	for _, s := range spans {
		gap, run := "  ", "" // part of the span on this line
		for word := range strings.FieldsSeq(Plain(s.Text)) {
			if first {
				gap = ""
			}
			width := len(gap) + displaywidth.String(word)
			if !first && p.Columns > 0 && at+width > p.Columns {
				b.WriteString(p.Paint(s.Style, run) + "\n" + strings.Repeat(" ", l.margin))
				at, width, gap, run = l.margin, width-len(gap), "", ""
			}
			if run == "" {
				b.WriteString(gap)
				gap = ""
			}
			run += gap + word
			at, gap, first = at+width, " ", false
		}
		b.WriteString(p.Paint(s.Style, run))
	}
	b.WriteByte('\n')
}
