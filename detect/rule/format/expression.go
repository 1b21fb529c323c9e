package format

import (
	"slices"
	"strings"
	"unicode"
)

// wide is how long lines of expressions and words may get, wideList those of
// lists in brackets.
const wide, wideList = 100, 120

// piece is a word of an expression, without the space around it.
type piece struct {
	text   string
	quoted bool
	newRow bool // the author began a line with it
	joined bool // it stands directly after the one before
}

// pieces takes an expression apart: quoted texts stay whole, and so does what
// stands without a space. ok is false for what has comments of its own, or
// texts over several lines.
func pieces(text string) (all []piece, ok bool) {
	for row, line := range strings.Split(text, "\n") {
		fresh, joined := row > 0, false
		for rest := line; rest != ""; {
			if r := rune(rest[0]); unicode.IsSpace(r) {
				rest, joined = rest[1:], false
				continue
			}
			if strings.HasPrefix(rest, "//") || strings.HasPrefix(rest, "/*") || rest[0] == '`' {
				return nil, false
			}
			end := pieceEnd(rest)
			if end < 0 {
				return nil, false
			}
			all = append(all, piece{rest[:end], rest[0] == '"' || rest[0] == '\'', fresh, joined})
			rest, fresh, joined = rest[end:], false, true
		}
	}
	return all, true
}

// pieceEnd returns where the first piece of a text ends, negative when a quote
// doesn't.
func pieceEnd(text string) int {
	if quote := text[0]; quote == '"' || quote == '\'' {
		for i := 1; i < len(text); i++ {
			switch text[i] {
			case '\\':
				i++
			case quote:
				return i + 1
			}
		}
		return -1
	}
	if strings.IndexByte("()[]{},", text[0]) >= 0 {
		return 1
	}
	for i := range len(text) {
		if i > 0 && (unicode.IsSpace(rune(text[i])) || strings.IndexByte("()[]{},\"'`", text[i]) >= 0) || strings.HasPrefix(text[i:], "//") || strings.HasPrefix(text[i:], "/*") {
			return i
		}
	}
	return len(text)
}

// withoutSpace is an expression with a space wherever there was space.
func withoutSpace(text string) string {
	all, ok := pieces(text)
	if !ok {
		return text
	}
	var b strings.Builder
	for i, p := range all {
		if i > 0 && !p.joined && !tight(all[i-1], p) {
			b.WriteByte(' ')
		}
		b.WriteString(p.text)
	}
	return b.String()
}

// tight reports whether two pieces need no space between them.
func tight(before, p piece) bool {
	opens := before.text == "(" || before.text == "[" || before.text == "{"
	closes := p.text == ")" || p.text == "]" || p.text == "}" || p.text == ","
	return opens && !before.quoted || closes && !p.quoted
}

func (p piece) connects() bool {
	return !p.quoted && (p.text == "and" || p.text == "or" || p.text == "&&" || p.text == "||")
}

// expressionLines lays an expression out. The author's lines stay, but for
// and or or at the end of one, which begins the next; a line that is too long is
// broken before the and or or that is least deep in brackets. What is in brackets
// is set in.
func expressionLines(text string, room int) []string {
	all, ok := pieces(text)
	if !ok || len(all) == 0 {
		return plainLines(text)
	}
	rows, depths := authorsRows(all)
	for i := 0; i < len(rows); i++ {
		if len(rowText(rows[i]))+2*max(0, depths[i]) > room {
			rows = slices.Replace(rows, i, i+1, broken(rows[i])...)
			depths = depthsOf(rows)
		}
	}
	lines := make([]string, len(rows))
	for i, row := range rows {
		lines[i] = strings.Repeat("  ", max(0, depths[i])) + rowText(row)
	}
	return lines
}

// authorsRows are the pieces by line, and how deep in brackets each line
// begins.
func authorsRows(all []piece) (rows [][]piece, depths []int) {
	for i, p := range all {
		last := i > 0 && all[i-1].connects() && all[i-1].newRow == false
		switch {
		case i == 0:
			rows = append(rows, nil)
		case p.connects() && i+1 < len(all) && all[i+1].newRow:
			all[i+1].newRow = false
			if len(rows[len(rows)-1]) > 0 {
				rows = append(rows, nil)
			}
		case p.newRow && !last:
			rows = append(rows, nil)
		}
		rows[len(rows)-1] = append(rows[len(rows)-1], p)
	}
	return rows, depthsOf(rows)
}

func depthsOf(rows [][]piece) []int {
	depths, depth := make([]int, len(rows)), 0
	for i, row := range rows {
		depths[i] = depth
		for n, p := range row {
			if n == 0 && closes(p) {
				depths[i]--
			}
			depth += opening(p)
			if closes(p) {
				depth--
			}
		}
	}
	return depths
}

func opening(p piece) int {
	if !p.quoted && (p.text == "(" || p.text == "[" || p.text == "{") {
		return 1
	}
	return 0
}

func closes(p piece) bool { return !p.quoted && (p.text == ")" || p.text == "]" || p.text == "}") }

// broken is a line broken before each of the connections that are least deep in
// brackets.
func broken(row []piece) [][]piece {
	least, depth := 1<<30, 0
	depths := make([]int, len(row))
	for i, p := range row {
		if closes(p) {
			depth--
		}
		depths[i] = depth
		if i > 0 && p.connects() {
			least = min(least, depth)
		}
		depth += opening(p)
	}
	var rows [][]piece
	for i := range row {
		if i == 0 || row[i].connects() && depths[i] == least {
			rows = append(rows, nil)
		}
		rows[len(rows)-1] = append(rows[len(rows)-1], row[i])
	}
	return rows
}

func rowText(row []piece) string {
	var b strings.Builder
	for i, p := range row {
		if i > 0 && !p.joined && !tight(row[i-1], p) {
			b.WriteByte(' ')
		}
		b.WriteString(p.text)
	}
	return b.String()
}

// plainLines are the lines of a text without what all of them are set in by,
// without space at their ends, and without empty ones around them.
func plainLines(text string) []string {
	lines := strings.Split(text, "\n")
	indent := 1 << 30
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " \t\r")
		if lines[i] != "" {
			indent = min(indent, len(lines[i])-len(strings.TrimLeft(lines[i], " ")))
		}
	}
	for i, line := range lines {
		lines[i] = line[min(len(line), indent):]
	}
	for len(lines) > 0 && lines[0] == "" {
		lines = lines[1:]
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}
