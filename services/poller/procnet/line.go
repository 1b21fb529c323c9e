package procnet

import (
	"bytes"

	"headstart/event"
)

// line is one line of a table.
type line struct {
	text     []byte
	finished bool // by a newline
}

// read decides whether the line is a row, and which. It takes any white space
// between columns, and nothing after the inode: tools that copy tables change
// the one and leave out the other. What does come after the inode must be a
// number, or a row that was cut there and that a header follows would pass.
func (l line) read(little bool, row *event.Socket) fault {
	*row = event.Socket{}
	r := rowReader{row: row, little: little}
	rest := l.text
	for c := range columnCount {
		var text []byte
		if text, rest = cutField(rest); r.read(c, text) {
			continue
		}
		if c == columnReferences && len(text) == 0 && l.finished {
			break
		}
		ends := len(rest) == 0 && (!l.finished || c > columnSlot && c < columnInode)
		return fault{column: c, text: text, cut: ends || len(text) == 0}
	}
	complete := l.finished || columnCount+countFields(rest) >= printedColumns(row)
	return fault{column: columnCount, cut: !complete}
}

// printedColumns returns how many columns the kernel prints for a row: few for
// a connection of which it keeps no more than a stub, in SYN_RECV, TIME_WAIT
// and orphaned FIN_WAIT2.
func printedColumns(row *event.Socket) column {
	const ofSocket, ofStub = 17, 12
	if row.State == event.SynRecv || row.Timer == event.TimerTimeWait {
		return ofStub
	}
	return ofSocket
}

func (l line) isBlank() bool { return len(bytes.TrimSpace(l.text)) == 0 }

// isHeader recognises the line that names the columns. Kernels differ in
// which they name and how they space them, not in the first two.
func (l line) isHeader() bool {
	first, _ := cutField(l.text)
	return string(first) == columns[columnSlot].name || string(first) == columns[columnLocal].name
}

func cutField(text []byte) (field, rest []byte) {
	start := 0
	for start < len(text) && isSpace(text[start]) {
		start++
	}
	end := start
	for end < len(text) && !isSpace(text[end]) {
		end++
	}
	return text[start:end], text[end:]
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' }

func countFields(text []byte) (n column) {
	for {
		var field []byte
		if field, text = cutField(text); len(field) == 0 {
			return n
		}
		n++
	}
}
