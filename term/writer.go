package term

import (
	"fmt"
	"strings"
)

// Writer writes a report: what is said, what is said of it, and lists of which a
// few rows are shown.
type Writer struct {
	strings.Builder
	Page Page
	Most int // rows of a list that are shown
}

// Heading begins a part.
func (w *Writer) Heading(format string, args ...any) {
	w.WriteByte('\n')
	w.Page.Fill(&w.Builder, "", 0, Bold.Of(fmt.Sprintf(format, args...)))
}

// Say writes a paragraph.
func (w *Writer) Say(style Style, format string, args ...any) {
	p := w.Page
	p.Margin = 2
	p.Fill(&w.Builder, "", 0, style.Of(fmt.Sprintf(format, args...)))
}

// Detail says something of what was said above it.
func (w *Writer) Detail(style Style, format string, args ...any) {
	p := w.Page
	p.Margin = 4
	p.Fill(&w.Builder, "  ", 2, style.Of(fmt.Sprintf(format, args...)))
}

// Table writes the rows of a list of n.
func (w *Writer) Table(rows []Row, n int) {
	w.Page.Table(&w.Builder, 2, rows[:min(len(rows), w.Most)])
	w.More(n)
}

// More says how many of n are not shown.
func (w *Writer) More(n int) {
	if n > w.Most {
		w.Detail(Faint, "and %d more (--all lists them)", n-w.Most)
	}
}
