package rules

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"headstart/cli/cmdutil"
	"headstart/daemon"
	"headstart/detect/bundle"
	"headstart/rulestore"
	"headstart/term"
)

func newHistory() *cobra.Command {
	var output cmdutil.Output
	c := &cobra.Command{
		Use:   "history",
		Short: "List the revisions of the pushed rules, with author, reason and changes",
		Long: `List the kept revisions of the pushed rules, the newest first: author, time and
reason of each push, and the rules that it added, changed and removed.`,
		Example: `  headstart rules history
  headstart rules history --output json | jq -r '[.revision, .author, .reason] | @tsv'`,
		Args: cmdutil.Args(cobra.NoArgs),
	}
	cl := cmdutil.NewClient(c, func(f *daemon.Flags) { output.Flag(f, "text", "json (JSON lines)") })
	output.Complete(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		return onStore(cl, c, output.Check, func(ctx context.Context, store *rulestore.Store) error {
			all, err := store.History(ctx)
			if err != nil {
				return err
			}
			slices.Reverse(all)
			out := c.OutOrStdout()
			switch {
			case output.JSON():
				var lines []revisionLine
				for i := range all {
					lines = append(lines, describeRevision(&all[i]))
				}
				return cmdutil.WriteJSON(out, lines...)
			case len(all) == 0:
				return cmdutil.Write(c.ErrOrStderr(), "no rules have been pushed yet\n")
			}
			return cmdutil.Write(out, historyText(all, time.Local, cmdutil.Page(out)))
		})
	}
	return c
}

// revisionLine is a revision in JSON.
type revisionLine struct {
	Type     string    `json:"type"` // revision
	Revision uint64    `json:"revision"`
	Author   string    `json:"author"`
	Reason   string    `json:"reason"`
	At       time.Time `json:"at"`
	Restores uint64    `json:"restores,omitempty"`
	Hash     string    `json:"hash"`
	Rules    int       `json:"rules"`

	Change *bundle.Change `json:"change,omitempty"`
}

func describeRevision(r *rulestore.Revision) revisionLine {
	return revisionLine{
		Type: "revision", Revision: r.Revision, Author: r.Author, Reason: r.Reason, At: r.At, Restores: r.Restores,
		Hash: r.Hash, Rules: r.Rules, Change: r.Change,
	}
}

func historyText(all []rulestore.Revision, zone *time.Location, p term.Page) string {
	rows := []term.Row{{
		Cells: cmdutil.Header("REVISION", "PUSHED", "BY", "RULES", "HASH"), Rest: cmdutil.Header("REASON AND CHANGES"),
	}}
	for i := range all {
		r := &all[i]
		rows = append(rows, term.Row{
			Cells: []term.Span{
				term.Bold.Of(fmt.Sprint(r.Revision)), term.Regular.Of(r.At.In(zone).Format("2006-01-02 15:04")), term.Regular.Of(term.Plain(r.Author)),
				term.Regular.Of(fmt.Sprint(r.Rules)), term.Faint.Of(term.Plain(r.Hash[:min(12, len(r.Hash))])),
			},
			Rest: []term.Span{term.Regular.Of(term.Plain(r.Reason)), term.Faint.Of(changeLine(r.Change))},
		})
	}
	var b strings.Builder
	p.Table(&b, 0, rows)
	return b.String()
}

// maxListed bounds the rules that a line lists.
const maxListed = 6

func changeLine(c *bundle.Change) string {
	if c == nil {
		return "(the previous revision is no longer kept)"
	}
	var parts []string
	for _, kind := range kindsOf(c) {
		if n := len(kind.names); n > 0 {
			names := kind.names[:min(n, maxListed)]
			text := kind.word + " " + term.Plain(strings.Join(names, ", "))
			if n > maxListed {
				text += fmt.Sprintf(" and %d more", n-maxListed)
			}
			parts = append(parts, text)
		}
	}
	if len(parts) == 0 {
		return "(no changes)"
	}
	return "(" + strings.Join(parts, "; ") + ")"
}

type kindOfChange struct {
	word  string
	names []string
}

func kindsOf(c *bundle.Change) []kindOfChange {
	return []kindOfChange{{"added", c.Added}, {"changed", c.Changed}, {"removed", c.Removed}}
}

// writeChange writes a line each for added, changed and removed rules.
func writeChange(b *strings.Builder, indent string, c *bundle.Change) {
	for _, kind := range kindsOf(c) {
		if len(kind.names) > 0 {
			fmt.Fprintf(b, "%s%-8s %s\n", indent, kind.word, term.Plain(strings.Join(kind.names, ", ")))
		}
	}
}
