package report

import "unicode/utf8"

// diagram is a drawing of a path: a horizontal line for each host and an arrow for
// each step, in order of time from left to right.
type diagram struct {
	Width, Height int
	Hosts         []diagramHost
	Arrows        []arrow
}

type diagramHost struct {
	Name string
	Y    int
}

type arrow struct {
	X, From, To, Label int
	At, Port           string
	Attempt, Itself    bool
}

// A larger diagram would be illegible and is left out: the list has all steps.
const (
	maxArrows    = 24
	maxHosts     = 14
	maxHostRunes = 26
)

// Sizes in pixels.
const (
	nameWidth   = 190
	arrowWidth  = 96
	lineHeight  = 46
	topMargin   = 56
	arrowHead   = 9
	portOffset  = 5
	clearOfHost = 2
)

// newDiagram returns nil beyond the limits.
func newDiagram(all steps) *diagram {
	if len(all) > maxArrows {
		return nil
	}
	d := &diagram{Width: nameWidth + len(all)*arrowWidth}
	line := map[string]int{}
	y := func(host string) int {
		if _, ok := line[host]; !ok {
			line[host] = topMargin + len(d.Hosts)*lineHeight
			d.Hosts = append(d.Hosts, diagramHost{shorten(host), line[host]})
		}
		return line[host]
	}
	for n := range all {
		s := &all[n]
		a := arrow{X: nameWidth + n*arrowWidth + arrowWidth/2, From: y(s.From), To: y(s.To), At: s.At, Port: s.Port, Attempt: s.Attempt}
		switch { // the port is between two lines
		case a.To > a.From:
			a.Label = a.From + lineHeight/2 + portOffset
			a.To -= arrowHead + clearOfHost
		case a.To < a.From:
			a.Label = a.From - lineHeight/2 + portOffset
			a.To += arrowHead + clearOfHost
		default:
			a.Label, a.Itself = a.From-portOffset, true
		}
		d.Arrows = append(d.Arrows, a)
	}
	if len(d.Hosts) > maxHosts {
		return nil
	}
	d.Height = topMargin + len(d.Hosts)*lineHeight
	return d
}

func shorten(host string) string {
	if utf8.RuneCountInString(host) <= maxHostRunes {
		return host
	}
	return string([]rune(host)[:maxHostRunes-1]) + "…"
}
