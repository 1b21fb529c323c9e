package readme_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// document is a text in Markdown.
type document struct{ path, text string }

// documents returns the user documentation, without the decision records.
func documents(t *testing.T, root string) []document {
	t.Helper()
	var all []document
	for _, pattern := range []string{"*.md", "docs/*.md"} {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, document{path, string(text)})
		}
	}
	if len(all) < 4 {
		t.Fatalf("only %d documents in %s", len(all), root)
	}
	return all
}

var (
	codeSpan = regexp.MustCompile("`([^`\n]+)`")
	fence    = regexp.MustCompile("(?ms)^```[a-z]*\n(.*?)^```")
	link     = regexp.MustCompile(`\]\(([^)#\s]+)[^)]*\)`)
	program  = regexp.MustCompile(`^(?:[A-Z_]+=\S* )*(?:sudo )?(?:go (?:run|test|build)|make|docker|source|headstart|poller|tracker|correlator|notifier) `)
)

// code returns the document's code: spans, indented lines, and fenced lines.
func (d document) code() []string {
	var all []string
	text := d.text
	for _, block := range fence.FindAllStringSubmatch(text, -1) {
		all = append(all, strings.Split(strings.TrimSpace(block[1]), "\n")...)
	}
	text = fence.ReplaceAllString(text, "")
	for _, span := range codeSpan.FindAllStringSubmatch(text, -1) {
		all = append(all, span[1])
	}
	for line := range strings.Lines(text) {
		if indented, ok := strings.CutPrefix(line, "    "); ok {
			command, _, _ := strings.Cut(indented, "  # ")
			all = append(all, strings.TrimSpace(command))
		}
	}
	return all
}

// commands returns the code that is a command, each once.
func (d document) commands() []string {
	var all []string
	for _, c := range d.code() {
		if program.MatchString(c+" ") && strings.Contains(c, " ") && !slices.Contains(all, c) {
			all = append(all, c)
		}
	}
	return all
}

func TestLinkTargetsExist(t *testing.T) {
	for _, d := range documents(t, repository(t)) {
		for _, to := range link.FindAllStringSubmatch(d.text, -1) {
			if strings.Contains(to[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(d.path), to[1])); err != nil {
				t.Errorf("%s links to %s: %v", d.path, to[1], err)
			}
		}
	}
}
