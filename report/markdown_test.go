package report

import (
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"golang.org/x/net/html"

	"headstart/term"
)

func TestEscape(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"web-01 reached db-01", "web-01 reached db-01"},
		{"10.1.1.10 → [2001:db8::9]:5432", `10.1.1.10 → \[2001:db8::9\]:5432`},
		{"5. June", `5\. June`},
		{"- a", `\- a`},
		{"a|b  c", `a\|b c`},
		{"see https://b.example", `see https\://b.example`},
		{"see www.b.example", `see www\.b.example`},
	} {
		if got := escape(tt.text); got != tt.want {
			t.Errorf("%q becomes %q, want %q", tt.text, got, tt.want)
		}
	}
}

// FuzzEscape holds that any text, wherever it stands in a document, is read as
// that text and nothing else.
func FuzzEscape(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	m := goldmark.New(goldmark.WithExtensions(extension.GFM, extension.Footnote, extension.DefinitionList))
	f.Fuzz(func(t *testing.T, s string) {
		plain := term.Plain(s)
		want := strings.Join(strings.Fields(plain), " ")
		for _, around := range []string{"# $", "- $", "$", "1. a **b$** $", "| a | $ |\n| --- | --- |\n| $ | b |"} {
			document := func(s string) string {
				return strings.ReplaceAll(around, "$", escape(s)) + "\n\nend\n"
			}
			if got, harmless := markdownShape(document(plain)), markdownShape(document(harmless)); want != "" && got != harmless {
				t.Fatalf("%q in %q becomes\n%s", s, around, got)
			}
			var page strings.Builder
			if err := m.Convert([]byte(document(plain)), &page); err != nil {
				t.Fatal(err)
			}
			if got := textOf(page.String()); !strings.Contains(got, want) {
				t.Fatalf("%q in %q is read as %q", s, around, got)
			}
		}
	})
}

func textOf(page string) string {
	var b strings.Builder
	for z := html.NewTokenizer(strings.NewReader(page)); ; {
		switch z.Next() {
		case html.ErrorToken:
			return b.String()
		case html.TextToken:
			b.WriteString(z.Token().Data)
		}
	}
}
