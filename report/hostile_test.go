package report

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
	"golang.org/x/net/html"

	"headstart/event"
	"headstart/term"
)

// hostile is the reference incident with an intruder's text wherever there can
// be one. Hosts keep names of their own.
func hostile(s string) *event.Incident {
	i := reference()
	host := func(name string) string { return name[:1] + s }
	i.ID, i.MergedInto, i.Title, i.Grown = i.ID[:1]+s, s, s, s
	for n := range i.Reasons {
		i.Reasons[n].Text, i.Reasons[n].Rule = s, s
	}
	for n := range i.Parts {
		p := &i.Parts[n]
		p.Host, p.Roles = s, []string{s, s}
		i.Hosts[n] = s
	}
	for n := range i.Path {
		e := &i.Path[n]
		e.Reasons = []string{s, s}
		if e.SourceHost != "" {
			e.SourceHost = host(e.SourceHost)
		}
		e.DestinationHost = host(e.DestinationHost)
	}
	for n := range i.Timeline {
		e := &i.Timeline[n]
		e.Text, e.Rule = s, s
		if e.Host != "" {
			e.Host = host(e.Host)
		}
	}
	for n := range i.Next {
		i.Next[n].From, i.Next[n].Host = s, s
	}
	for _, all := range [][]string{i.Rules, i.Alerts, i.Response.Block, i.Response.RotateKeys, i.Response.RotateCredentials, i.Response.Segment} {
		for n := range all {
			all[n] = s
		}
	}
	return i
}

// harmless is what a hostile text must look like.
const harmless = "x"

// seeds are texts that would do something if they were let.
var seeds = []string{
	"web-01", "", " ", "\x1b[2J\x1b]0;owned\a", "a\r\nb", "\u202egnp.exe", "\xff\xfe", "\u2028", strings.Repeat("long ", 300), strings.Repeat("x", 3000),
	"<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "</title><script>", "</style>", "</svg>", "--><b>", "]]>", "&lt;b&gt;", "&#60;b>",
	"javascript:alert(1)", "{{.Title}}", "${x}", "`code`", "```\nrm -rf /\n```", "````", "| a | b |", "\\|", "\\", "\\\\", "*a*", "**a**", "_a_", "__", "~~a~~",
	"[a](http://b.example)", "![a](http://b.example/c.png)", "[a]: http://b.example", "<http://b.example>", "http://b.example", "HTTPS://b.example/?a=b", "www.b.example",
	"a@b.example", "ftp://b.example", "mailto:a@b.example", "# a", "#a", "- a", "+ a", "* a", "1. a", "1) a", "12", "1.", "> a", "===", "---", "- - -", "- [ ] a", "    a", "\ta",
	"a  ", "[^1]", ":smile:", "|", "||", "a|b", "`|`", "`", "'", "$(id)", "a\\", "!", "![", "<!-- a -->", "<?a?>", "<![CDATA[a]]>", "&", "&amp;", "\u00a0", "\u3000a", "\u200b",
	"٠١٢", "א", "e\u0301", "👩\u200d💻", "::1", "fe80::1%eth0",
}

// check holds that a text changes nothing but the text.
func check(t *testing.T, s string) {
	t.Helper()
	r, same := New(hostile(s), Options{Zone: berlin}), New(hostile(harmless), Options{Zone: berlin})
	for name, of := range map[string]func(*Report) string{
		"text":  func(r *Report) string { return lines(r.Text(term.Page{})) },
		"brief": func(r *Report) string { return lines(r.Brief(term.Page{})) },
		"Markdown": func(r *Report) string {
			printable(t, r.Markdown())
			return markdownShape(r.Markdown())
		},
		"HTML": func(r *Report) string {
			var b strings.Builder
			if err := r.HTML(&b); err != nil {
				t.Fatal(err)
			}
			printable(t, b.String())
			return htmlShape(b.String())
		},
	} {
		if got, want := of(r), of(same); got != want {
			t.Errorf("%q changes the shape of the %s:\n%s", s, name, difference(got, want))
		}
	}
	printable(t, r.Text(term.Page{}))
	printable(t, r.Text(term.Page{Columns: 72}))
	data, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	printable(t, data)
	var got event.Incident
	if err := json.Unmarshal([]byte(data), &got); err != nil || got.Title != overJSON(t, s) {
		t.Errorf("%q is %q in JSON, %v", s, got.Title, err)
	}
}

// overJSON is what a text is once it was JSON, which has no invalid UTF-8.
func overJSON(t *testing.T, s string) (got string) {
	t.Helper()
	data, err := json.Marshal(s)
	if err == nil {
		err = json.Unmarshal(data, &got)
	}
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func printable(t *testing.T, s string) {
	t.Helper()
	for at, c := range s {
		if !unicode.IsPrint(c) && c != '\n' {
			t.Fatalf("%U at %d of %.300q", c, at, s[max(0, at-100):])
		}
	}
}

// lines is the shape of a text: what begins where.
func lines(s string) string {
	return fmt.Sprint(strings.Count(s, "\n"))
}

// markdownShape lists what a document of Markdown consists of, but for its
// texts.
func markdownShape(source string) string {
	parser := goldmark.New(goldmark.WithExtensions(extension.GFM, extension.Footnote, extension.DefinitionList)).Parser()
	var b strings.Builder
	ast.Walk(parser.Parse(text.NewReader([]byte(source))), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n.Kind() {
		case ast.KindText, ast.KindString, ast.KindTextBlock:
			return ast.WalkContinue, nil
		}
		if entering {
			fmt.Fprintf(&b, "(%s", n.Kind())
			if n.Kind() == ast.KindFencedCodeBlock {
				fmt.Fprintf(&b, " %d", n.Lines().Len())
			}
			return ast.WalkContinue, nil
		}
		b.WriteString(")\n")
		return ast.WalkContinue, nil
	})
	return b.String()
}

// htmlShape lists the tags of a page with their attributes, but for texts.
func htmlShape(source string) string {
	var b strings.Builder
	for z := html.NewTokenizer(strings.NewReader(source)); ; {
		switch z.Next() {
		case html.ErrorToken:
			return b.String()
		case html.TextToken:
		default:
			b.WriteString(z.Token().String() + "\n")
		}
	}
}

func difference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for n := range a {
		if n >= len(b) || a[n] != b[n] {
			return fmt.Sprintf("part %d is %s", n, strings.Join(a[max(0, n-2):min(len(a), n+3)], " "))
		}
	}
	return "it is shorter"
}

func TestHostileTextsChangeNothingButTheText(t *testing.T) {
	for _, s := range seeds {
		check(t, s)
	}
}

func FuzzReport(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(check)
}

// FuzzIncident holds that any incident that can be decoded can be reported.
func FuzzIncident(f *testing.F) {
	data, err := event.EncodeIncident(reference())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"id":"a","revision":1}`))
	f.Add([]byte(`{"id":"a","revision":1,"state":"quiet","notified":true,"score":1e300,"threshold":-1,"opened_at":"9999-12-31T23:59:59Z","at":"0001-01-01T00:00:00Z","left":-5}`))
	f.Add([]byte(`{"id":"a","revision":1,"path":[{"at":"0001-01-01T00:00:00Z","source":"::","destination":"::","witnesses":-1,"count":-1}],"timeline":[{"text":"","alert":"b"}],"next":[{"days":-1}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		i, err := event.DecodeIncident(data)
		if err != nil {
			return
		}
		r := New(i, Options{})
		var page strings.Builder
		if err := r.HTML(&page); err != nil {
			t.Fatal(err)
		}
		_, err = r.JSON()
		if err != nil {
			t.Fatal(err)
		}
		r.Line()
		for _, text := range []string{page.String(), r.Markdown(), r.Text(term.Page{Columns: 60, Colour: false}), r.Brief(term.Page{})} {
			printable(t, text)
		}
	})
}
