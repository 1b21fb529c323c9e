package term_test

import (
	"testing"

	"headstart/term"
)

func TestWriterShowsSomeRowsOfAList(t *testing.T) {
	w := term.Writer{Page: term.Page{Columns: 60}, Most: 2}
	w.Say(term.Regular, "%d rules were tried.", 3)
	w.Heading("Rules")
	row := func(text string) term.Row {
		return term.Row{Cells: []term.Span{term.Regular.Of(text), term.Regular.Of("fires")}}
	}
	w.Table(nil, []term.Row{row("a"), row("bb"), row("c")})
	w.Detail(term.Regular, "None was asked for more than %s.", "once")
	want := "3 rules were tried.\n\nRules\n  a   fires\n  bb  fires\n  and 1 more (--all lists them)\n  None was asked for more than once.\n"
	if got := w.String(); got != want {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}
