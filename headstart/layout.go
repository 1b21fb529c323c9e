package main

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// span is a stretch of text in one style, an escape sequence or none.
type span struct{ style, text string }

const (
	bold  = "\x1b[1m"
	faint = "\x1b[2m"
	reset = "\x1b[0m"
)

// page is what text is laid out for.
type page struct {
	colour  bool
	columns int // of the terminal; 0: lines may have any length
}

// margin is where lines that go on begin, and lines below them.
func (p page) margin() int {
	const narrow = 60
	if p.columns > 0 && p.columns < narrow {
		return 2
	}
	return textColumn
}

func (p page) paint(style, text string) string {
	if !p.colour || style == "" || text == "" {
		return text
	}
	return style + text + reset
}

// fill appends what begins with head, which is that many columns wide, and
// goes on with the spans, two spaces between them. What doesn't fit into the
// line goes on at the margin. A word that is too long for a line stays whole.
func (p page) fill(b *strings.Builder, head string, columns int, spans ...span) {
	b.WriteString(head)
	at, first := columns, true
	for _, s := range spans {
		gap, run := "  ", "" // run is the span's part of the line
		for word := range strings.FieldsSeq(plain(s.text)) {
			if first {
				gap = ""
			}
			width := len(gap) + utf8.RuneCountInString(word)
			if !first && p.columns > 0 && at+width > p.columns {
				b.WriteString(p.paint(s.style, run) + "\n" + strings.Repeat(" ", p.margin()))
				at, width, gap, run = p.margin(), width-len(gap), "", ""
			}
			if run == "" {
				b.WriteString(gap)
				gap = ""
			}
			run += gap + word
			at, gap, first = at+width, " ", false
		}
		b.WriteString(p.paint(s.style, run))
	}
	b.WriteByte('\n')
}

// mostRunes is how much of one text is shown.
const mostRunes = 500

// plain makes any text safe for a terminal. What is printed comes from other
// hosts, whose names an intruder may choose: nothing of it may move the cursor,
// fill the screen, or turn the direction of reading.
func plain(s string) string {
	runes := 0
	return strings.Map(func(r rune) rune {
		switch runes++; {
		case runes > mostRunes:
			return -1
		case runes == mostRunes:
			return '…'
		case unicode.IsPrint(r):
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// plainJSON does for JSON what plain does for text, by escapes: the value stays
// the same.
func plainJSON(data []byte) string {
	var b strings.Builder
	for _, r := range string(data) {
		switch {
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		}
	}
	return b.String()
}
