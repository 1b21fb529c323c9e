package rules

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"headstart/cli/cmdutil"
	"headstart/daemon"
	"headstart/detect/rule/condition"
	"headstart/detect/rule/schema"
	"headstart/term"
)

func newReference() *cobra.Command {
	var output cmdutil.Output
	c := &cobra.Command{
		Use:   "reference [NAME]",
		Short: "Print the fields and functions of the rule language",
		Long: `Print the fields and functions of conditions, and the fields of rule files; with a
name, only the entries whose name contains it. docs/rule-language.md explains them.`,
		Example: `  headstart rules reference
  headstart rules reference conn.age
  headstart rules reference --output json`,
		Args: cmdutil.Args(cobra.MaximumNArgs(1)),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, e := range referenceEntries() {
				names = append(names, e.Name)
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			if err := output.Check(); err != nil {
				return err
			}
			all := referenceEntries()
			if len(args) > 0 {
				if all = named(all, args[0]); len(all) == 0 {
					return daemon.Usage("no entry has a name with %q; 'headstart rules reference' lists all", args[0])
				}
			}
			if output.JSON() {
				return cmdutil.WriteJSON(c.OutOrStdout(), all...)
			}
			return cmdutil.Write(c.OutOrStdout(), referenceText(all, cmdutil.Page(c.OutOrStdout())))
		},
	}
	output.Define(c, "text", "json (JSON lines)")
	return c
}

// referenceEntry is a line of the reference.
type referenceEntry struct {
	Kind    string   `json:"kind"` // field, function or key
	Name    string   `json:"name"`
	In      string   `json:"in,omitempty"` // of a key: its parent
	Needed  bool     `json:"needed,omitempty"`
	Type    string   `json:"type"`
	Values  []string `json:"values,omitempty"` // of a field with an enumeration
	Doc     string   `json:"doc"`
	Example string   `json:"example"`
}

func referenceEntries() []referenceEntry {
	var all []referenceEntry
	for _, f := range condition.Reference() {
		all = append(all, referenceEntry{Kind: "field", Name: f.Name, Type: f.Type, Values: f.Values, Doc: f.Doc, Example: f.Example})
	}
	for _, f := range condition.Functions() {
		all = append(all, referenceEntry{Kind: "function", Name: f.Name, Type: f.Type, Doc: schema.PlainDoc(f.Doc), Example: f.Example})
	}
	for _, k := range schema.Keys() {
		all = append(all, referenceEntry{Kind: "key", Name: k.Name, In: k.In, Needed: k.Needed, Type: k.Type, Doc: schema.PlainDoc(k.Doc), Example: k.Example})
	}
	return all
}

// named returns the entries whose name contains a text, or whose parent is it.
func named(all []referenceEntry, text string) []referenceEntry {
	var some []referenceEntry
	for _, e := range all {
		if strings.Contains(strings.ToLower(e.Name), strings.ToLower(text)) || e.In != "" && e.In == text {
			some = append(some, e)
		}
	}
	return some
}

func referenceText(all []referenceEntry, p term.Page) string {
	var b strings.Builder
	titles := map[string]string{"field": "FIELDS of conditions", "function": "FUNCTIONS of conditions", "key": "FIELDS of the files"}
	for _, kind := range []string{"field", "function", "key"} {
		var rows []term.Row
		for _, e := range all {
			if e.Kind == kind {
				rows = append(rows, referenceRow(e))
			}
		}
		if rows == nil {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(p.Paint(term.Bold, titles[kind]) + "\n")
		p.Table(&b, 2, rows)
	}
	return b.String()
}

func referenceRow(e referenceEntry) term.Row {
	doc := e.Doc
	if len(e.Values) > 0 {
		quoted := make([]string, len(e.Values))
		for i, v := range e.Values {
			quoted[i] = fmt.Sprintf("%q", v)
		}
		doc += ": " + strings.Join(quoted, ", ")
	}
	row := term.Row{
		Cells: []term.Span{term.Bold.Of(e.Name), term.Cyan.Of(e.Type)},
		Rest:  []term.Span{term.Regular.Of(doc), term.Faint.Of("e.g. " + e.Example)},
	}
	if e.Kind == "key" {
		in := e.In
		if e.Needed {
			in += ", needed"
		}
		row.Cells = append(row.Cells, term.Faint.Of(in))
	}
	return row
}
