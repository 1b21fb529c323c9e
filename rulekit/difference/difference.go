// Package difference shows what is different between two texts, line by line,
// in the unified format that diff and git have. It is pure, and its cost is
// bounded: of texts with very many lines that differ it shows all of them as
// replaced.
package difference

import (
	"fmt"
	"strings"
)

// context is how many equal lines are shown around a change.
const context = 3

// mostCompared bounds the table of the longest common subsequence.
const mostCompared = 4 << 20

// change is a line: ' ' in both texts, '-' in the old one only, '+' in the new.
type change struct {
	kind byte
	line string
}

// Unified returns the difference, empty when there is none.
func Unified(name, before, after string) string {
	if before == after {
		return ""
	}
	changes := compare(lines(before), lines(after))
	var b strings.Builder
	fmt.Fprintf(&b, "--- %s\n+++ %s (formatted)\n", name, name)
	for from := 0; from < len(changes); {
		from = nextChange(changes, from)
		if from == len(changes) {
			break
		}
		to := from
		for next := from; next < len(changes) && next-to <= 2*context; next = nextChange(changes, next+1) {
			to = next
		}
		writeHunk(&b, changes, max(0, from-context), min(len(changes), to+context+1))
		from = min(len(changes), to+context+1)
	}
	return b.String()
}

func nextChange(changes []change, from int) int {
	for from < len(changes) && changes[from].kind == ' ' {
		from++
	}
	return from
}

func writeHunk(b *strings.Builder, changes []change, from, to int) {
	oldLine, newLine := 1, 1
	for _, c := range changes[:from] {
		if c.kind != '+' {
			oldLine++
		}
		if c.kind != '-' {
			newLine++
		}
	}
	oldCount, newCount := 0, 0
	for _, c := range changes[from:to] {
		if c.kind != '+' {
			oldCount++
		}
		if c.kind != '-' {
			newCount++
		}
	}
	// A side without lines is named by the line before it, as diff does.
	if oldCount == 0 {
		oldLine--
	}
	if newCount == 0 {
		newLine--
	}
	fmt.Fprintf(b, "@@ -%d,%d +%d,%d @@\n", oldLine, oldCount, newLine, newCount)
	for _, c := range changes[from:to] {
		b.WriteByte(c.kind)
		b.WriteString(c.line)
		if !strings.HasSuffix(c.line, "\n") {
			b.WriteString("\n\\ No newline at end of file\n")
		}
	}
}

// lines splits a text after each line break.
func lines(text string) []string {
	all := strings.SplitAfter(text, "\n")
	if all[len(all)-1] == "" {
		all = all[:len(all)-1]
	}
	return all
}

func compare(a, b []string) []change {
	var head, tail []change
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		head, a, b = append(head, change{' ', a[0]}), a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		tail, a, b = append(tail, change{' ', a[len(a)-1]}), a[:len(a)-1], b[:len(b)-1]
	}
	changes := append(head, middle(a, b)...)
	for i := len(tail) - 1; i >= 0; i-- {
		changes = append(changes, tail[i])
	}
	return changes
}

// middle compares what begins and ends differently.
func middle(a, b []string) (changes []change) {
	width := len(b) + 1
	var common []int32 // of a[i:] and b[j:], how many lines they have in common
	if (len(a)+1)*width <= mostCompared {
		common = make([]int32, (len(a)+1)*width)
		for i := len(a) - 1; i >= 0; i-- {
			for j := len(b) - 1; j >= 0; j-- {
				if a[i] == b[j] {
					common[i*width+j] = common[(i+1)*width+j+1] + 1
				} else {
					common[i*width+j] = max(common[(i+1)*width+j], common[i*width+j+1])
				}
			}
		}
	}
	i, j := 0, 0
	for i < len(a) && j < len(b) && common != nil {
		switch {
		case a[i] == b[j]:
			changes = append(changes, change{' ', a[i]})
			i, j = i+1, j+1
		case common[(i+1)*width+j] >= common[i*width+j+1]:
			changes = append(changes, change{'-', a[i]})
			i++
		default:
			changes = append(changes, change{'+', b[j]})
			j++
		}
	}
	for ; i < len(a); i++ {
		changes = append(changes, change{'-', a[i]})
	}
	for ; j < len(b); j++ {
		changes = append(changes, change{'+', b[j]})
	}
	return changes
}
