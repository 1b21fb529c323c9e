package term

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func table(p Page, rows ...Row) string {
	var b strings.Builder
	p.Table(&b, 2, rows)
	return b.String()
}

func cells(texts ...string) (spans []Span) {
	for _, t := range texts {
		spans = append(spans, Regular.Of(t))
	}
	return spans
}

// TestColumnsOfWideCharacters holds that columns are those of the terminal, where a
// character takes one, two or none.
func TestColumnsOfWideCharacters(t *testing.T) {
	rows := []Row{{Cells: cells("数据库", "1")}, {Cells: cells("cafe\u0301", "2")}, {Cells: cells("web-01", "3")}}
	const want = "  数据库  1\n  cafe\u0301    2\n  web-01  3\n"
	if got := table(Page{}, rows...); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got, want := fill(Page{Columns: margin + 9}, Regular.Of("数据库 数据")), "12:00:00  HIGH       数据库\n  数据\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTable(t *testing.T) {
	rows := []Row{
		{cells("14:30:00", "web-01", ""), cells("A long session:  web-01 → db-01:5432", "seen by both ends")},
		{cells("9:00", "a host with a name", ""), cells("")},
		{cells("10:00"), cells("Short")},
	}
	for _, tt := range []struct {
		name string
		page Page
		want string
	}{
		{"no terminal", Page{}, `
  14:30:00  web-01              A long session: web-01 → db-01:5432  seen by both ends
  9:00      a host with a name
  10:00                         Short
`},
		{"wide enough to wrap", Page{Columns: 64}, `
  14:30:00  web-01              A long session: web-01 →
                                db-01:5432  seen by both ends
  9:00      a host with a name
  10:00                         Short
`},
		{"room for the cells only", Page{Columns: 40}, `
  14:30:00  web-01
      A long session: web-01 →
      db-01:5432  seen by both ends
  9:00      a host with a name
  10:00
      Short
`},
		{"no room for the cells", Page{Columns: 24}, `
  14:30:00  web-01  A
    long session: web-01
    → db-01:5432  seen
    by both ends
  9:00  a host with a
    name
  10:00  Short
`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := table(tt.page, rows...); got != tt.want[1:] {
				t.Errorf("got\n%s\nwant%s", got, tt.want)
			}
		})
	}
	if got := table(Page{}); got != "" {
		t.Errorf("of no rows: %q", got)
	}
	const want = "  \x1b[31mhigh\x1b[0m  web-01\n  \x1b[36mlow\x1b[0m   \x1b[2mdb-01\x1b[0m\n"
	if got := table(Page{Colour: true, Columns: 80}, Row{[]Span{Red.Of("high")}, cells("web-01")}, Row{[]Span{Cyan.Of("low")}, []Span{Faint.Of("db-01")}}); got != want {
		t.Errorf("in colour %q, want %q", got, want)
	}
}

// FuzzTable holds that nothing gets lost but spaces, and that no line is longer
// than the terminal unless
// a word has no room.
func FuzzTable(f *testing.F) {
	f.Add("14:30:00", "web-01", "A long session: web-01 → db-01:5432", 80)
	f.Add("a\x1b[2J\nb", "", "c d", 10)
	f.Add("", strings.Repeat("word ", 50), strings.Repeat("x", 100), 40)
	f.Fuzz(func(t *testing.T, one, two, rest string, columns int) {
		columns = max(0, columns%300)
		got := table(Page{Columns: columns}, Row{cells(one, two), cells(rest)}, Row{cells(two, one), cells(two)}, Row{cells("x"), nil})
		words := func(s string) string { return strings.Join(strings.Fields(s), " ") }
		if want := words(strings.Join([]string{Plain(one), Plain(two), Plain(rest), Plain(two), Plain(one), Plain(two), "x"}, " ")); words(got) != want {
			t.Errorf("%q becomes\n%s", want, got)
		}
		for line := range strings.Lines(got) {
			if line = strings.TrimSuffix(line, "\n"); columns > 0 && utf8.RuneCountInString(line) > columns && longest(line) <= min(roomy, columns-6) {
				t.Errorf("%q is longer than %d", line, columns)
			}
		}
		if styled := table(Page{Colour: true, Columns: columns}, Row{[]Span{Red.Of(one), Bold.Of(two)}, []Span{Faint.Of(rest)}}); styles(styled) != table(Page{Columns: columns}, Row{cells(one, two), cells(rest)}) {
			t.Errorf("in colour %q", styled)
		}
	})
}

func longest(line string) (n int) {
	for word := range strings.FieldsSeq(line) {
		n = max(n, utf8.RuneCountInString(word))
	}
	return n
}

func styles(s string) string { return colours.ReplaceAllString(s, "") }

func TestDurations(t *testing.T) {
	for _, tt := range []struct {
		d         time.Duration
		long, ago string
	}{
		{0, "0s", "0s"}, {-time.Second, "-1s", "0s"}, {1950 * time.Millisecond, "2s", "1s"}, {703 * time.Millisecond, "703ms", "0s"},
		{90 * time.Second, "1m30s", "1m"}, {3 * time.Hour, "3h", "3h"}, {47 * time.Hour, "47h", "47h"}, {50 * time.Hour, "50h", "2d"},
	} {
		if long, ago := Duration(tt.d), Ago(tt.d); long != tt.long || ago != tt.ago {
			t.Errorf("%s: %q and %q ago, want %q and %q", tt.d, long, ago, tt.long, tt.ago)
		}
	}
}
