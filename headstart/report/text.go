package report

import (
	"fmt"
	"strings"

	"headstart/headstart/layout"
)

// Text returns the report for a terminal.
func (r *Report) Text(p layout.Page) string {
	var b strings.Builder
	r.writeHead(&b, p)
	for _, s := range r.sections() {
		b.WriteString("\n" + p.Paint(layout.Bold, s.Name) + "\n")
		writeParts(&b, p, s.Parts)
	}
	return b.String()
}

// Brief returns the report for a terminal without what is for those who act on
// it: the head, the hosts, the path and the timeline.
func (r *Report) Brief(p layout.Page) string {
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
		p.Fill(&b, pad, indent, layout.Faint.Of("First: "+first))
	}
	return b.String()
}

// Line returns one line: when, how bad, what, and by how much people were not
// told of it.
func (r *Report) Line() layout.Row {
	i := r.incident
	rest := []layout.Span{layout.Regular.Of(i.Title)}
	if !i.Notified {
		rest = append(rest, layout.Faint.Of(fmt.Sprintf("score %.4g, %.4g short", i.Score, i.Missed)))
	}
	return layout.Row{Cells: []layout.Span{
		layout.Regular.Of(r.from.In(r.zone).Format(stamp)), Style(i.Severity).Of(i.Severity.String()),
	}, Rest: rest}
}

const stamp = "2006-01-02 15:04:05"

const indent = 2

var pad = strings.Repeat(" ", indent)

func (r *Report) writeHead(b *strings.Builder, p layout.Page) {
	severity := strings.ToUpper(r.incident.Severity.String())
	title := p
	title.Margin = len(severity) + 2
	title.Fill(b, p.Paint(Style(r.incident.Severity), severity)+"  ", title.Margin, layout.Bold.Of(r.heading()))
	var rows []layout.Row
	for _, f := range r.about()[1:] {
		rows = append(rows, layout.Row{Cells: []layout.Span{layout.Faint.Of(f.Name)}, Rest: []layout.Span{layout.Regular.Of(f.Value)}})
	}
	p.Table(b, indent, rows)
}

func writeParts(b *strings.Builder, p layout.Page, parts []part) {
	p.Margin = indent
	for _, one := range parts {
		switch one := one.(type) {
		case note:
			p.Fill(b, pad, indent, layout.Faint.Of(string(one)))
		case list:
			item := p
			item.Margin = indent + 4
			for _, text := range one {
				item.Fill(b, pad+"  - ", indent+4, layout.Regular.Of(text))
			}
		case commands:
			// They are copied: they stay on one line.
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

func tableRows(t *table) (rows []layout.Row) {
	last := len(t.Columns) - 1
	for _, cells := range t.Rows {
		var r layout.Row
		for n, text := range cells {
			switch {
			case n < last:
				r.Cells = append(r.Cells, layout.Regular.Of(text))
			default:
				r.Rest = append(r.Rest, layout.Regular.Of(text))
			}
		}
		rows = append(rows, r)
	}
	return rows
}

func stepRows(all steps) (rows []layout.Row) {
	for n := range all {
		s := &all[n]
		rows = append(rows, layout.Row{
			Cells: []layout.Span{layout.Regular.Of(s.At), layout.Regular.Of(s.From + " → " + s.Destination())},
			Rest:  []layout.Span{layout.Regular.Of(s.Reasons), layout.Faint.Of(s.Seen)},
		})
	}
	return rows
}
