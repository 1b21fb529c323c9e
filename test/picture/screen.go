package main

import (
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// screen is a terminal for programs that print lines, with colours, and write
// over a line before it ends. Lines that have not ended are not kept.
type screen struct {
	lines   []line
	cells   []cell
	column  int
	style   string // an SGR sequence; empty: none
	pending []byte // the beginning of a sequence or a character
}

// line is a line, and when it ended.
type line struct {
	at    time.Duration
	cells []cell
}

type cell struct {
	char  rune
	style string
}

func newScreen() *screen { return new(screen) }

// Select Graphic Rendition (ECMA-48).
var styling = regexp.MustCompile(`^\x1b\[([0-9;]*)m`)

func (s *screen) write(b []byte, at time.Duration) {
	b = append(s.pending, b...)
	for len(b) > 0 {
		if b[0] == '\x1b' {
			if m := styling.FindSubmatch(b); m != nil {
				if s.style = string(m[1]); s.style == "0" {
					s.style = ""
				}
				b = b[len(m[0]):]
				continue
			}
			if len(b) < len("\x1b[1;37;41m") {
				break
			}
		}
		if !utf8.FullRune(b) {
			break
		}
		r, n := utf8.DecodeRune(b)
		b = b[n:]
		switch r {
		case '\r':
			s.column = 0
		case '\n':
			s.lines = append(s.lines, line{at, trimmed(s.cells)})
			s.cells, s.column = nil, 0
		default:
			for len(s.cells) <= s.column {
				s.cells = append(s.cells, cell{' ', ""})
			}
			s.cells[s.column] = cell{r, s.style}
			s.column++
		}
	}
	s.pending = append([]byte(nil), b...)
}

func trimmed(cells []cell) []cell {
	for len(cells) > 0 && cells[len(cells)-1].char == ' ' {
		cells = cells[:len(cells)-1]
	}
	return cells
}

func (l *line) text() string {
	var b strings.Builder
	for _, c := range l.cells {
		b.WriteRune(c.char)
	}
	return b.String()
}
