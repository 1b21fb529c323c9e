package layout_test

import (
	"testing"

	"headstart/headstart/layout"
)

func TestWriterShowsSomeRowsOfAList(t *testing.T) {
	w := layout.Writer{Page: layout.Page{Columns: 60}, Most: 2}
	w.Say(layout.Regular, "%d rules were tried.", 3)
	w.Heading("Rules")
	row := func(text string) layout.Row {
		return layout.Row{Cells: []layout.Span{layout.Regular.Of(text), layout.Regular.Of("fires")}}
	}
	w.Table([]layout.Row{row("a"), row("bb"), row("c")}, 3)
	w.Detail(layout.Regular, "None was asked for more than %s.", "once")
	want := "3 rules were tried.\n\nRules\n  a   fires\n  bb  fires\n  and 1 more (--all lists them)\n  None was asked for more than once.\n"
	if got := w.String(); got != want {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}
