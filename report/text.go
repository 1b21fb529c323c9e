package report

import (
	"fmt"
	"strings"

	"headstart/term"
)

// Text returns the report for a terminal.
func (r *Report) Text(p term.Page) string {
	var b strings.Builder
	r.writeHead(&b, p)
	for _, s := range r.sections() {
		b.WriteString("\n" + p.Paint(term.Bold, s.Name) + "\n")
		writeParts(&b, p, s.Parts)
	}
	return b.String()
}

// Brief returns a short report for a terminal: the head, the hosts, the path, the
// timeline and the first step.
func (r *Report) Brief(p term.Page) string {
	var b strings.Builder
	r.writeHead(&b, p)
	for _, parts := range [][]part{r.hosts(), r.path(), r.timeline(false)} {
		if len(parts) > 0 {
			b.WriteByte('\n')
			writeParts(&b, p, parts)
		}
	}
	if first := FirstStep(r.incident); first != "" {
		b.WriteByte('\n')
		p.Margin = indent
		p.Fill(&b, pad, indent, term.Faint.Of("First: "+first))
	}
	return b.String()
}

// Line returns one line: time, severity, title, and how much the score is short of
// a notification.
func (r *Report) Line() term.Row {
	i := r.incident
	rest := []term.Span{term.Regular.Of(i.Title)}
	if !i.Notified {
		rest = append(rest, term.Faint.Of(fmt.Sprintf("score %.4g, %.4g short", i.Score, i.Missed)))
	}
	return term.Row{Cells: []term.Span{
		term.Regular.Of(r.from.In(r.zone).Format(stamp)), Style(i.Severity).Of(i.Severity.String()),
	}, Rest: rest}
}

const stamp = "2006-01-02 15:04:05"

const indent = 2

var pad = strings.Repeat(" ", indent)

func (r *Report) writeHead(b *strings.Builder, p term.Page) {
	severity := strings.ToUpper(r.incident.Severity.String())
	title := p
	title.Margin = len(severity) + 2
	title.Fill(b, p.Paint(Style(r.incident.Severity), severity)+"  ", title.Margin, term.Bold.Of(r.heading()))
	var rows []term.Row
	for _, f := range r.about()[1:] {
		rows = append(rows, term.Row{Cells: []term.Span{term.Faint.Of(f.Name)}, Rest: []term.Span{term.Regular.Of(f.Value)}})
	}
	p.Table(b, indent, rows)
}

func writeParts(b *strings.Builder, p term.Page, parts []part) {
	p.Margin = indent
	for _, one := range parts {
		switch one := one.(type) {
		case note:
			p.Fill(b, pad, indent, term.Faint.Of(string(one)))
		case list:
			item := p
			item.Margin = indent + 4
			for _, text := range one {
				item.Fill(b, pad+"  - ", indent+4, term.Regular.Of(text))
			}
		case commands:
			// To be copied: each stays on one line.
			for _, c := range one {
				b.WriteString(pad + "  " + c + "\n")
			}
		case table:
			p.Table(b, indent, tableRows(&one))
		case steps:
			p.Table(b, indent, stepRows(one))
		}
	}
}

func tableRows(t *table) (rows []term.Row) {
	last := len(t.Columns) - 1
	for _, cells := range t.Rows {
		var r term.Row
		for n, text := range cells {
			switch {
			case n < last:
				r.Cells = append(r.Cells, term.Regular.Of(text))
			default:
				r.Rest = append(r.Rest, term.Regular.Of(text))
			}
		}
		rows = append(rows, r)
	}
	return rows
}

func stepRows(all steps) (rows []term.Row) {
	for n := range all {
		s := &all[n]
		rows = append(rows, term.Row{
			Cells: []term.Span{term.Regular.Of(s.At), term.Regular.Of(s.From + " → " + s.Destination())},
			Rest:  []term.Span{term.Regular.Of(s.Reasons), term.Faint.Of(s.Seen)},
		})
	}
	return rows
}
