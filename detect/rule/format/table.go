package format

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// tableLines lays a table of a rule's tests out: the columns of hosts, and what
// stands before and after the arrows of connections, below each other.
func tableLines(text, field string) []string {
	var rows [][]string
	for line := range strings.SplitSeq(text, "\n") {
		if words := strings.Fields(line); len(words) > 0 {
			rows = append(rows, words)
		}
	}
	gap, columns := " ", func([]string) int { return 0 }
	switch field {
	case "hosts":
		gap, columns = "  ", func(row []string) int { return len(row) }
	case "connections", "usual":
		columns = func(row []string) int {
			if arrow := slices.IndexFunc(row, isArrow); arrow > 0 && arrow < 3 {
				return arrow + 1
			}
			return 0
		}
	}
	// Rows with as many columns are aligned with each other.
	widths := map[int][]int{}
	for _, row := range rows {
		n := columns(row)
		if isComment(row) {
			n = 0
		}
		if field == "hosts" && n > 0 {
			n = -1 // whatever their number
		}
		for i := 0; i < len(row) && (n < 0 || i < n); i++ {
			if i == len(widths[n]) {
				widths[n] = append(widths[n], 0)
			}
			if i+1 < len(row) {
				widths[n][i] = max(widths[n][i], utf8.RuneCountInString(row[i]))
			}
		}
	}
	var lines []string
	for _, row := range rows {
		n := columns(row)
		if isComment(row) {
			n = 0
		}
		aligned := widths[n]
		if field == "hosts" && n > 0 {
			aligned = widths[-1]
		}
		var b strings.Builder
		for i, word := range row {
			switch {
			case i > roleColumn:
				b.WriteByte(' ')
			case i > 0:
				b.WriteString(gap)
			}
			b.WriteString(word)
			if i < len(aligned) && i+1 < len(row) && i < roleColumn {
				b.WriteString(strings.Repeat(" ", aligned[i]-utf8.RuneCountInString(word)))
			}
		}
		lines = append(lines, b.String())
	}
	return lines
}

// roleColumn is the one of a host from which its roles are.
const roleColumn = 3

func isArrow(word string) bool { return word == "->" || word == "→" }

func isComment(row []string) bool { return strings.HasPrefix(row[0], "#") }
