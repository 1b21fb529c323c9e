package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"headstart/bus"
	"headstart/daemon"
	"headstart/detect/bundle"
	"headstart/rulestore"
	"headstart/term"
)

func rulesHistoryCommand() *cobra.Command {
	output := "text"
	c := &cobra.Command{
		Use:   "history",
		Short: "List the revisions of the pushed rules: who, when, why, and what changed",
		Long: `List the revisions of the pushed rules that are kept, the newest first: who pushed
each, when and why, and which rules it has added, changed and removed.`,
		Example: `  headstart rules history
  headstart rules history --output json | jq -r '[.revision, .author, .reason] | @tsv'`,
		Args: asUsage(cobra.NoArgs),
	}
	cl := newClient(c, func(f *daemon.Flags) {
		f.StringVar(&output, "output", "text", "how to print revisions: `text` or json (JSON lines)")
	})
	complete(c, "output", "text", "json")
	c.RunE = func(c *cobra.Command, _ []string) error {
		return cl.ask(c, func() error { return checkOutput(output) }, func(ctx context.Context, b *bus.Bus) error {
			store, err := rulestore.Open(ctx, b)
			if err != nil {
				return noRules(err)
			}
			all, err := store.History(ctx)
			if err != nil {
				return err
			}
			slices.Reverse(all)
			if output == "json" {
				screen := newConsole(c.OutOrStdout(), "", true)
				for i := range all {
					screen.line(describeRevision(&all[i]))
				}
				return nil
			}
			if len(all) == 0 {
				fmt.Fprintln(c.ErrOrStderr(), "no rules were pushed yet")
				return nil
			}
			return write(c.OutOrStdout(), historyText(all, time.Local, pageOf(c.OutOrStdout())))
		})
	}
	return c
}

// revisionLine is a revision as JSON shows it.
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
		Cells: faint("REVISION", "PUSHED", "BY", "RULES", "HASH"), Rest: faint("WHY AND WHAT"),
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

// mostNamed is how many rules of a change are named in a line.
const mostNamed = 6

func changeLine(c *bundle.Change) string {
	if c == nil {
		return "(the revision before is no longer kept)"
	}
	var parts []string
	for _, kind := range kindsOf(c) {
		if n := len(kind.names); n > 0 {
			names := kind.names[:min(n, mostNamed)]
			text := kind.word + " " + term.Plain(strings.Join(names, ", "))
			if n > mostNamed {
				text += fmt.Sprintf(" and %d more", n-mostNamed)
			}
			parts = append(parts, text)
		}
	}
	if len(parts) == 0 {
		return "(nothing changed)"
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

// writeChange writes a line for what was added, changed and removed.
func writeChange(b *strings.Builder, indent string, c *bundle.Change) {
	for _, kind := range kindsOf(c) {
		if len(kind.names) > 0 {
			fmt.Fprintf(b, "%s%-8s %s\n", indent, kind.word, term.Plain(strings.Join(kind.names, ", ")))
		}
	}
}

func rulesRollbackCommand() *cobra.Command {
	o := new(pusher)
	c := &cobra.Command{
		Use:   "rollback [REVISION] --reason WHY",
		Short: "Bring back an earlier revision of the pushed rules, as a new one",
		Long: `Bring back an earlier revision of the pushed rules, the one before the newest if
none is named. It becomes a new revision with the old files, is checked as any that is
pushed, and the one that it replaces stays in the history.`,
		Example: `  headstart rules rollback --reason "the new sweep rule fires on backups"
  headstart rules rollback 7 --reason "back to before the migration"`,
		Args: asUsage(cobra.MaximumNArgs(1)),
	}
	cl := newClient(c, o.flags)
	complete(c, "output", "text", "json")
	c.RunE = func(c *cobra.Command, args []string) error {
		var revision uint64
		check := func() error {
			var err error
			revision, err = revisionOf(args)
			return errors.Join(err, o.check())
		}
		return cl.ask(c, check, func(ctx context.Context, b *bus.Bus) error {
			store, err := rulestore.Open(ctx, b)
			if err != nil {
				return noRules(err)
			}
			return o.rollBack(ctx, c, store, revision)
		})
	}
	return c
}

// rollBack stores an earlier revision as the newest; 0 is the one before that.
func (p *pusher) rollBack(ctx context.Context, c *cobra.Command, store *rulestore.Store, revision uint64) error {
	newest, err := bookOf(ctx, store, 0)
	if err != nil {
		return err
	}
	if revision == 0 {
		if newest.Revision == 1 {
			return errors.New("there is no revision before 1; 'headstart rules push default' puts the default pack in force")
		}
		revision = newest.Revision - 1
	}
	book, err := store.Book(ctx, revision)
	if err != nil {
		return err
	}
	if err := describeChecked(c.ErrOrStderr(), book); err != nil {
		return err
	}
	expected := newest.Revision
	if err := store.Add(ctx, book, rulestore.Push{Author: p.author, Reason: p.reason, At: time.Now(), Restores: revision, Expected: &expected}); err != nil {
		return fmt.Errorf("the rules are not rolled back: %w", err)
	}
	return p.stored(ctx, c, store, newest, book)
}
