package report

import (
	"fmt"
	"strings"
)

// Markdown returns the report as CommonMark with GitHub's tables, which GitLab and
// Jira's importers accept too.
func (r *Report) Markdown() string {
	var b strings.Builder
	b.WriteString("# " + escape(r.heading()) + "\n\n| | |\n| --- | --- |\n")
	for _, f := range r.about() {
		fmt.Fprintf(&b, "| %s | %s |\n", f.Name, escape(f.Value))
	}
	for _, s := range r.sections() {
		b.WriteString("\n## " + s.Name + "\n")
		for _, one := range s.Parts {
			markdownPart(&b, one)
		}
	}
	return b.String()
}

func markdownPart(b *strings.Builder, one part) {
	b.WriteByte('\n')
	switch one := one.(type) {
	case note:
		b.WriteString(escape(string(one)) + "\n")
	case list:
		for _, text := range one {
			b.WriteString("- " + escape(text) + "\n")
		}
	case commands:
		fence := fenceFor(one)
		b.WriteString(fence + "sh\n" + strings.Join(one, "\n") + "\n" + fence + "\n")
	case table:
		markdownRow(b, one.Columns)
		b.WriteString("|" + strings.Repeat(" --- |", len(one.Columns)) + "\n")
		for _, cells := range one.Rows {
			markdownRow(b, cells)
		}
	case steps:
		for n := range one {
			s := &one[n]
			fmt.Fprintf(b, "%d. %s **%s → %s**: %s (%s)\n", n+1, escape(s.At), escape(s.From), escape(s.Destination()), escape(s.Reasons), escape(s.Seen))
		}
	}
}

func markdownRow(b *strings.Builder, cells []string) {
	b.WriteByte('|')
	for _, text := range cells {
		b.WriteString(" " + escape(text) + " |")
	}
	b.WriteByte('\n')
}

// escape returns plain text as one line of Markdown without any markup: no
// emphasis, code, link, image, HTML, table cell, mention or formula, and at its
// beginning no list, heading or quotation.
func escape(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	var b strings.Builder
	digits := true // so far
	for n, c := range text {
		switch {
		case strings.ContainsRune("\\`*_{}[]<>|&~$^@#", c):
			b.WriteByte('\\')
		case n == 0 && strings.ContainsRune("+-=:", c):
			b.WriteByte('\\')
		case digits && n > 0 && (c == '.' || c == ')') && (n+1 == len(text) || text[n+1] == ' '):
			b.WriteByte('\\')
		case c == '!' && strings.HasPrefix(text[n+1:], "["):
			b.WriteByte('\\')
		case c == ':' && strings.HasPrefix(text[n:], "://"), c == '.' && n >= 3 && strings.EqualFold(text[n-3:n], "www"):
			b.WriteByte('\\') // prevents a link
		}
		digits = digits && c >= '0' && c <= '9'
		b.WriteRune(c)
	}
	return b.String()
}

// fenceFor returns a fence longer than any run of backticks in the commands.
func fenceFor(all commands) string {
	longest := 2
	for _, c := range all {
		run := 0
		for _, r := range c {
			if r != '`' {
				run = 0
				continue
			}
			run++
			longest = max(longest, run)
		}
	}
	return strings.Repeat("`", longest+1)
}
