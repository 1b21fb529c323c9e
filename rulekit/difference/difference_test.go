package difference

import (
	"strings"
	"testing"
)

func TestUnified(t *testing.T) {
	for _, tt := range []struct{ name, before, after, want string }{
		{"the same", "a\n", "a\n", ""},
		{"a line", "a\nb\nc\n", "a\nB\nc\n", "--- f\n+++ f (formatted)\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n"},
		{"a line more", "a\n", "a\nb\n", "--- f\n+++ f (formatted)\n@@ -1,1 +1,2 @@\n a\n+b\n"},
		{"nothing before", "", "a\n", "--- f\n+++ f (formatted)\n@@ -0,0 +1,1 @@\n+a\n"},
		{"the last line break", "a", "a\n", "--- f\n+++ f (formatted)\n@@ -1,1 +1,1 @@\n-a\n\\ No newline at end of file\n+a\n"},
		{"two places", "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n", "0\n2\n3\n4\n5\n6\n7\n8\n9\n11\n",
			"--- f\n+++ f (formatted)\n@@ -1,4 +1,4 @@\n-1\n+0\n 2\n 3\n 4\n@@ -7,4 +7,4 @@\n 7\n 8\n 9\n-10\n+11\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Unified("f", tt.before, tt.after); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// FuzzCompare holds that the changes make the one text of the other.
func FuzzCompare(f *testing.F) {
	f.Add("a\nb\nc", "a\nc\nd\n")
	f.Add(strings.Repeat("a\n", 3000), strings.Repeat("b\n", 3000))
	f.Fuzz(func(t *testing.T, before, after string) {
		var a, b strings.Builder
		for _, c := range compare(lines(before), lines(after)) {
			if c.kind != '+' {
				a.WriteString(c.line)
			}
			if c.kind != '-' {
				b.WriteString(c.line)
			}
		}
		if a.String() != before || b.String() != after {
			t.Errorf("%q and %q became %q and %q", before, after, a.String(), b.String())
		}
	})
}
