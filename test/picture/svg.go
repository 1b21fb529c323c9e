package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
	"time"
)

// picture is what is drawn: the last rows of a terminal, as they come.
type picture struct {
	columns, rows int
	speed         float64
}

// Measures in pixels. A character of a monospaced font is 0.6 of its size wide.
const (
	fontSize   = 14
	lineHeight = 18
	margin     = 18
	charWidth  = 8.43
)

// looks are the styles of headstart's output, in the colours of a dark
// terminal: the picture has its own background, on light pages and dark ones.
var looks = map[string]string{
	"1":       `fill="#fff" font-weight="bold"`,
	"2":       `fill="#8b949e"`,
	"31":      `fill="#ff7b72" font-weight="bold"`,
	"33":      `fill="#f0c674"`,
	"36":      `fill="#79c0ff"`,
	"1;37;41": `fill="#ff5c57" font-weight="bold"`,
}

// svg draws lines. Without animation, or when it is over, the last rows are
// there; until then each line appears at its time, and what there is no room
// for moves up.
func (p picture) svg(lines []line) []byte {
	var b bytes.Buffer
	width := int(float64(p.columns)*charWidth) + 2*margin
	height := p.rows*lineHeight + 2*margin
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,DejaVu Sans Mono,monospace" font-size="%d">`+"\n", width, height, width, height, fontSize)
	p.style(&b, lines)
	fmt.Fprintf(&b, `<rect x="0.5" y="0.5" width="%d" height="%d" rx="8" fill="#0d1117" stroke="#30363d"/>`+"\n", width-1, height-1)
	fmt.Fprintf(&b, `<clipPath id="c"><rect x="0" y="%d" width="%d" height="%d"/></clipPath>`+"\n", margin, width, p.rows*lineHeight)
	fmt.Fprintf(&b, `<g clip-path="url(#c)"><g class="all" transform="translate(0 %d)">`+"\n", -p.scrolled(len(lines))*lineHeight)
	for n := range lines {
		if text := spans(lines[n].cells); text != "" {
			fmt.Fprintf(&b, `<text class="l" style="animation-delay:%s" x="%d" y="%d" xml:space="preserve" fill="#d0d7de">%s</text>`+"\n", p.after(lines[n].at), margin, margin+n*lineHeight+fontSize, text)
		}
	}
	b.WriteString("</g></g>\n</svg>\n")
	return b.Bytes()
}

// style writes the animation: of every line, and of all together.
func (p picture) style(b *bytes.Buffer, lines []line) {
	b.WriteString("<style>\n@media (prefers-reduced-motion: no-preference) {\n.l{animation:show 1ms linear backwards}\n")
	defer b.WriteString("}\n</style>\n")
	b.WriteString("@keyframes show{from{opacity:0}}\n")
	if p.scrolled(len(lines)) == 0 {
		return
	}
	total := max(lines[len(lines)-1].at, 1)
	fmt.Fprintf(b, ".all{animation:up %s step-end}\n@keyframes up{0%%{transform:translateY(0)}", p.after(total))
	part := func(n int) string { return fmt.Sprintf("%.2f%%", 100*float64(lines[n].at)/float64(total)) }
	for n := range lines {
		// Of lines that come together, the last one counts.
		if moved := p.scrolled(n + 1); moved > 0 && (n+1 == len(lines) || part(n+1) != part(n)) {
			fmt.Fprintf(b, "%s{transform:translateY(%dpx)}", part(n), -moved*lineHeight)
		}
	}
	b.WriteString("}\n")
}

// scrolled is how many lines are above the picture when so many are there.
func (p picture) scrolled(lines int) int { return max(0, lines-p.rows) }

func (p picture) after(at time.Duration) string {
	return fmt.Sprintf("%.2fs", at.Seconds()/p.speed)
}

// spans returns the text of cells, with their looks.
func spans(cells []cell) string {
	var b strings.Builder
	for from := 0; from < len(cells); {
		to, style := from, cells[from].style
		var run strings.Builder
		for ; to < len(cells) && cells[to].style == style; to++ {
			run.WriteRune(cells[to].char)
		}
		var text bytes.Buffer
		xml.EscapeText(&text, []byte(run.String())) // a buffer takes everything
		if look := looks[style]; look != "" {
			fmt.Fprintf(&b, "<tspan %s>%s</tspan>", look, &text)
		} else {
			b.Write(text.Bytes())
		}
		from = to
	}
	return b.String()
}
