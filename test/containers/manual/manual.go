// Package manual reads docs/operations.md for tests that hold it to the truth:
// the commands it gives and the tables it prints.
//
// A section is what stands below a heading of the second level, up to the
// next. A command is a line of a block that is fenced as sh, or as console
// where it needs what a test can't have; one that ends in a backslash goes on
// in the next line.
package manual

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Root returns the directory of the whole workspace.
func Root(t testing.TB) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "headstart/test").Output()
	if err != nil {
		t.Fatalf("find the workspace: %v", err)
	}
	return filepath.Dir(strings.TrimSpace(string(out)))
}

// Section returns the lines of a section.
func Section(t testing.TB, heading string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(Root(t), "docs/operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	within, fenced := false, false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
		}
		if title, ok := strings.CutPrefix(line, "## "); ok && !fenced {
			within = title == heading
			continue
		}
		if within {
			lines = append(lines, line)
		}
	}
	if lines == nil {
		t.Fatalf("docs/operations.md has no section %q", heading)
	}
	return lines
}

// Commands returns the commands of a section in order, from the blocks of a
// language: sh or console.
func Commands(t testing.TB, heading, language string) []string {
	t.Helper()
	var commands []string
	fence, unfinished := "", ""
	for _, line := range Section(t, heading) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "```") && fence == "":
			fence = line
		case strings.HasPrefix(line, "```"):
			fence = ""
		case fence == "```"+language && line != "" && line[0] != '#':
			command := unfinished + line
			if begun, ok := strings.CutSuffix(command, `\`); ok {
				unfinished = begun
				continue
			}
			unfinished = ""
			commands = append(commands, command)
		}
	}
	if len(commands) == 0 {
		t.Fatalf("section %q of docs/operations.md gives no command in %s", heading, language)
	}
	return commands
}

// Table returns the rows of the tables in a section, without the heads, whose
// first column has the given head.
func Table(t testing.TB, heading, firstColumn string) [][]string {
	t.Helper()
	var rows [][]string
	within, head := false, false
	for _, line := range Section(t, heading) {
		inner, ok := strings.CutPrefix(line, "| ")
		if !ok {
			within, head = false, false
			continue
		}
		cells := strings.Split(strings.TrimSuffix(strings.TrimSpace(inner), "|"), " | ")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if !head {
			within, head = cells[0] == firstColumn, true
			continue
		}
		if within && !strings.HasPrefix(cells[0], "---") {
			rows = append(rows, cells)
		}
	}
	if len(rows) == 0 {
		t.Fatalf("section %q of docs/operations.md has no table that begins with %q", heading, firstColumn)
	}
	return rows
}

// Code returns what stands between the first two backticks of a cell.
func Code(cell string) string {
	_, rest, _ := strings.Cut(cell, "`")
	code, _, _ := strings.Cut(rest, "`")
	return code
}
