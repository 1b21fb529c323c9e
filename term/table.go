package term

import (
	"slices"
	"strings"

	"github.com/clipperhouse/displaywidth"
)

// Row is a row of a table: aligned cells, and a text in the rest of the line.
type Row struct {
	Cells []Span
	Rest  []Span
}

// roomy is the width that the rest of a row needs beside the cells.
const roomy = 28

const gap = "  "

// Table appends rows, indented. On a terminal too narrow for a row, its rest goes
// below its cells; on one too narrow for the cells, they are not aligned.
func (p Page) Table(b *strings.Builder, indent int, rows []Row) {
	var widths []int
	for _, r := range rows {
		for n, c := range r.Cells {
			if n == len(widths) {
				widths = append(widths, 0)
			}
			widths[n] = max(widths[n], width(c.Text))
		}
	}
	cells, rest := indent, 0
	for _, w := range widths {
		if w > 0 {
			cells += w + len(gap)
		}
	}
	for _, r := range rows {
		rest = max(rest, restWidth(r.Rest))
	}
	beside := line{"", cells, cells}
	below := line{strings.Repeat(" ", indent+2*len(gap)), indent + 2*len(gap), indent + 2*len(gap)}
	switch {
	case p.Columns > 0 && cells-len(gap) > p.Columns:
		p.unaligned(b, indent, rows)
	case p.Columns > 0 && cells+min(rest, roomy) > p.Columns:
		for _, r := range rows {
			b.WriteString(strings.TrimRight(p.cells(indent, widths, r.Cells), " ") + "\n")
			if restWidth(r.Rest) > 0 {
				p.fill(b, below, r.Rest)
			}
		}
	default:
		for _, r := range rows {
			var row strings.Builder
			beside.head = p.cells(indent, widths, r.Cells)
			p.fill(&row, beside, r.Rest)
			b.WriteString(strings.TrimRight(row.String(), " \n") + "\n")
		}
	}
}

// cells returns the aligned cells of a row.
func (p Page) cells(indent int, widths []int, cells []Span) string {
	row := strings.Repeat(" ", indent)
	for n, w := range widths {
		if w == 0 {
			continue
		}
		var c Span
		if n < len(cells) {
			c = cells[n]
		}
		row += p.Paint(c.Style, oneLine(c.Text)) + strings.Repeat(" ", w-width(c.Text)) + gap
	}
	return row
}

func (p Page) unaligned(b *strings.Builder, indent int, rows []Row) {
	for _, r := range rows {
		p.fill(b, line{strings.Repeat(" ", indent), indent, indent + len(gap)}, append(slices.Clone(r.Cells), r.Rest...))
	}
}

// oneLine is a cell's text with single spaces.
func oneLine(s string) string { return strings.Join(strings.Fields(Plain(s)), " ") }

func width(s string) int { return displaywidth.String(oneLine(s)) }

func restWidth(spans []Span) (n int) {
	for _, s := range spans {
		if w := width(s.Text); w > 0 {
			n += w + len(gap)
		}
	}
	return max(0, n-len(gap))
}
