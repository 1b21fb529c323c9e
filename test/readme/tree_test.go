package readme_test

import (
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// TestTreeOfTheArchitecture compares the tree in ARCHITECTURE.md with the repository:
// every folder of the tree exists, and every top-level folder is in the tree.
func TestTreeOfTheArchitecture(t *testing.T) {
	root := repository(t)
	text, err := os.ReadFile(filepath.Join(root, "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	folders := tree(string(text))
	named := map[string]bool{}
	for _, folder := range folders {
		named[folder] = true
		if info, err := os.Stat(filepath.Join(root, folder)); err != nil || !info.IsDir() {
			t.Errorf("ARCHITECTURE.md: tree: no folder %s: remove the line or correct its indentation", folder)
		}
	}
	for file := range strings.SplitSeq(git(t, root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"), "\x00") {
		top, _, nested := strings.Cut(file, "/")
		_, err := os.Stat(filepath.Join(root, file))
		if !nested || named[top] || strings.HasPrefix(top, ".") || err != nil {
			continue
		}
		named[top] = true
		t.Errorf("ARCHITECTURE.md: tree: folder %s/ is missing: add a line", top)
	}
}

// tree returns the folders of the fenced block that begins with cmd/. Two spaces of
// indentation are one level; a line's first words are folders if they end with a slash.
func tree(text string) []string {
	_, block, _ := strings.Cut(text, "```\ncmd/")
	block, _, _ = strings.Cut("cmd/"+block, "```")
	var all, parents []string
	for line := range strings.Lines(block) {
		level := min((len(line)-len(strings.TrimLeft(line, " ")))/2, len(parents))
		for _, word := range strings.Fields(line) {
			if !strings.HasSuffix(word, "/") {
				break
			}
			parents = append(parents[:level], word)
			all = append(all, path.Join(parents...))
		}
	}
	return all
}
