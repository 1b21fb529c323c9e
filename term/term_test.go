package term

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// margin is where the text of a line begins.
const margin = 21

func fill(p Page, spans ...Span) string {
	p.Margin = margin
	var b strings.Builder
	p.Fill(&b, "12:00:00  HIGH       ", margin, spans...)
	return b.String()
}

func TestFill(t *testing.T) {
	text := []Span{{Bold, "Web server reaches for file shares"}, {"", ""}, {Faint, "smb-from-web-server"}}
	for _, tt := range []struct {
		name string
		page Page
		want string
	}{
		{"no terminal", Page{}, "12:00:00  HIGH       Web server reaches for file shares  smb-from-web-server\n"},
		{"just wide enough", Page{Columns: 76}, "12:00:00  HIGH       Web server reaches for file shares  smb-from-web-server\n"},
		{"one column less", Page{Columns: 75}, "12:00:00  HIGH       Web server reaches for file shares\n                     smb-from-web-server\n"},
		{"narrow", Page{Columns: 40}, "12:00:00  HIGH       Web server reaches\n  for file shares  smb-from-web-server\n"},
		{"no room for a word", Page{Columns: 10}, "12:00:00  HIGH       Web\n  server\n  reaches\n  for file\n  shares\n  smb-from-web-server\n"},
		{"in colour", Page{Colour: true, Columns: 60},
			"12:00:00  HIGH       \x1b[1mWeb server reaches for file shares\x1b[0m\n                     \x1b[2msmb-from-web-server\x1b[0m\n"},
		{"in colour, over two lines", Page{Colour: true, Columns: 40},
			"12:00:00  HIGH       \x1b[1mWeb server reaches\x1b[0m\n  \x1b[1mfor file shares\x1b[0m  \x1b[2msmb-from-web-server\x1b[0m\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := fill(tt.page, text...); got != tt.want {
				t.Errorf("got\n%q\nwant\n%q", got, tt.want)
			}
		})
	}
}

func TestPlain(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"a name", "web-01.example.com", "web-01.example.com"},
		{"another script", "веб-01 → 数据库", "веб-01 → 数据库"},
		{"an escape sequence", "web\x1b[2J\x1b[1;1H", "web�[2J�[1;1H"},
		{"eight-bit controls", "web\u009b2J", "web�2J"},
		{"line breaks", "web\r\n12:00:00  LOW", "web��12:00:00  LOW"},
		{"a bell and a backspace", "web\a\b", "web��"},
		{"another direction of reading", "web\u202egnp.exe", "web�gnp.exe"},
		{"what has no width", "we\u200bb", "we�b"},
		{"no UTF-8", "web\xff", "web�"},
		{"endless", strings.Repeat("x", 10_000), strings.Repeat("x", mostRunes-1) + "…"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Plain(tt.text); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestPlainJSONKeepsTheValue(t *testing.T) {
	const text = "web\x1b[2J \u009b\u202e\u007f\U000e0001\" → 数\n"
	data, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	shown := PlainJSON(data)
	for _, r := range shown {
		if !unicode.IsPrint(r) {
			t.Errorf("%U in %s", r, shown)
		}
	}
	var got string
	if err := json.Unmarshal([]byte(shown), &got); err != nil || got != text {
		t.Errorf("%s is %q, %v", shown, got, err)
	}
}

var colours = regexp.MustCompile(`\x1b\[[0-9;]+m`)

// FuzzFill holds that nothing gets lost but spaces, that no line is longer than
// the terminal unless it is one word, and that colours change nothing else.
func FuzzFill(f *testing.F) {
	f.Add("Web server reaches for file shares", "smb-from-web-server", 40)
	f.Add("a\x1b[2J\nb", "", 1)
	f.Add("", strings.Repeat("word ", 50), 80)
	f.Fuzz(func(t *testing.T, one, two string, columns int) {
		columns = max(0, columns%300)
		got := fill(Page{Columns: columns}, Span{Bold, one}, Span{"", two})
		words := strings.Fields("12:00:00 HIGH " + Plain(one) + " " + Plain(two))
		if !strings.HasSuffix(got, "\n") || strings.Join(strings.Fields(got), " ") != strings.Join(words, " ") {
			t.Errorf("%q, %q become %q", one, two, got)
		}
		for i, line := range strings.Split(strings.TrimSuffix(got, "\n"), "\n") {
			most := 1 // word in a line that is too long
			if i == 0 {
				most = 3
			}
			if columns > 0 && utf8.RuneCountInString(line) > columns && len(strings.Fields(line)) > most {
				t.Errorf("line %q is longer than %d", line, columns)
			}
		}
		if coloured := fill(Page{Colour: true, Columns: columns}, Span{Bold, one}, Span{"", two}); colours.ReplaceAllString(coloured, "") != got {
			t.Errorf("in colour %q, without %q", coloured, got)
		}
	})
}
