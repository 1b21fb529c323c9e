package yamlsrc

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// PlaceIn returns the place in the file of a character of a scalar's value.
// offset counts the value's characters from 0.
//
// The parser keeps only where a scalar begins. The rest is found by reading
// file and value side by side: whatever the style (plain, quoted, literal or
// folded), they hold the same characters in the same order, but for white
// space and for quoting.
func (f *File) PlaceIn(n *yaml.Node, offset int) Place {
	at := cursor{lines: f.Lines, line: n.Line - 1, style: n.Style &^ (yaml.TaggedStyle | yaml.FlowStyle)}
	at.rest = SkipRunes(f.Line(n.Line), n.Column-1)
	at.open()
	found := at.place()
	for i, r := range []rune(n.Value) {
		if i > offset {
			break
		}
		if unicode.IsSpace(r) {
			continue
		}
		var ok bool
		if found, ok = at.next(r); !ok {
			return PlaceOf(n)
		}
	}
	return found
}

// cursor walks over the characters of a scalar as the file has them.
type cursor struct {
	lines []string
	line  int    // from 0
	rest  string // of the line
	style yaml.Style
}

func SkipRunes(text string, n int) string {
	for ; n > 0 && text != ""; n-- {
		_, size := utf8.DecodeRuneInString(text)
		text = text[size:]
	}
	return text
}

func (c *cursor) place() Place {
	if c.line >= len(c.lines) {
		return Place{len(c.lines), 1}
	}
	read := c.lines[c.line][:len(c.lines[c.line])-len(c.rest)]
	return Place{c.line + 1, utf8.RuneCountInString(read) + 1}
}

// open skips what stands before the first character: a quote, or the line with
// the indicator of a block.
func (c *cursor) open() {
	switch c.style {
	case yaml.LiteralStyle, yaml.FoldedStyle:
		c.newline()
	case yaml.SingleQuotedStyle, yaml.DoubleQuotedStyle:
		c.rest = SkipRunes(c.rest, 1)
	}
}

func (c *cursor) newline() {
	c.line++
	c.rest = ""
	if c.line < len(c.lines) {
		c.rest = c.lines[c.line]
	}
}

// next finds the next character that isn't white space, which must be want.
func (c *cursor) next(want rune) (Place, bool) {
	for c.line < len(c.lines) {
		c.rest = strings.TrimLeftFunc(c.rest, unicode.IsSpace)
		if c.rest == "" {
			c.newline()
			continue
		}
		at := c.place()
		got, size := c.read()
		c.rest = c.rest[size:]
		if unicode.IsSpace(got) {
			continue
		}
		return at, got == want
	}
	return Place{}, false
}

// read returns the character at the cursor as the value has it, and the bytes
// it takes in the file.
func (c *cursor) read() (rune, int) {
	switch {
	case c.style == yaml.SingleQuotedStyle && strings.HasPrefix(c.rest, "''"):
		return '\'', 2
	case c.style == yaml.DoubleQuotedStyle && c.rest[0] == '\\':
		return escaped(c.rest[1:])
	}
	return utf8.DecodeRuneInString(c.rest)
}

// escaped decodes what follows the backslash in a double-quoted scalar (YAML
// 1.1, 5.7). White space of every kind becomes a blank.
func escaped(text string) (rune, int) {
	if text == "" {
		return ' ', 1
	}
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[text[0]]
	if digits > 0 && len(text) > digits {
		if n, err := strconv.ParseUint(text[1:1+digits], 16, 31); err == nil {
			return rune(n), 2 + digits
		}
	}
	switch text[0] {
	case ' ', 't', '\t', 'n', 'v', 'f', 'r', 'N', '_', 'L', 'P':
		return ' ', 2
	}
	r, size := utf8.DecodeRuneInString(text)
	return r, 1 + size
}
