package term

import (
	"fmt"
	"strings"
	"time"
)

// Writer writes a report: headings, paragraphs, details, and tables of which the
// first rows are shown. The explain, backtest and coverage reports use it.
type Writer struct {
	strings.Builder
	Page Page
	Most int // rows of a table to show
}

// Line writes spans, indented.
func (w *Writer) Line(indent int, spans ...Span) {
	p := w.Page
	p.Margin = indent + 2
	p.Fill(&w.Builder, strings.Repeat(" ", indent), indent, spans...)
}

// Heading begins a section.
func (w *Writer) Heading(format string, args ...any) {
	w.WriteByte('\n')
	w.Page.Fill(&w.Builder, "", 0, Bold.Format(format, args...))
}

// Say writes a paragraph.
func (w *Writer) Say(style Style, format string, args ...any) {
	w.Line(0, style.Format(format, args...))
}

// Detail writes an indented paragraph about what stands above it.
func (w *Writer) Detail(style Style, format string, args ...any) {
	w.Line(2, style.Format(format, args...))
}

// Table writes the names of the columns, if any, the first rows, and how many
// rows are left out.
func (w *Writer) Table(columns []Span, rows []Row) {
	shown := rows[:min(len(rows), w.Most)]
	if columns != nil {
		shown = append([]Row{{Cells: columns}}, shown...)
	}
	w.Page.Table(&w.Builder, 2, shown)
	if more := len(rows) - w.Most; more > 0 {
		w.Detail(Faint, "and %d more (--all lists them)", more)
	}
}

// List writes a heading and a table; nothing when there are no rows.
func (w *Writer) List(heading string, columns []Span, rows []Row) {
	if len(rows) > 0 {
		w.Heading("%s", heading)
		w.Table(columns, rows)
	}
}

// Minute shows a time to the minute, in UTC.
func Minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

// Some lists the first five names, and how many follow.
func Some(names []string) string {
	const most = 5
	if more := len(names) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), more)
	}
	return strings.Join(names, ", ")
}
