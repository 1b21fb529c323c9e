package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"headstart/daemon"
	"headstart/detect/rule"
	"headstart/event"
	"headstart/report"
	"headstart/rulekit/ruledoc"
	"headstart/term"
)

func rulesListCommand() *cobra.Command {
	output, lists := "text", false
	c := &cobra.Command{
		Use:   "list [DIRECTORY…]",
		Short: "List rules, and which file decided what",
		Long: `List rules: what they are, the points that their alerts give, and which file they
are from, then the files that override it, with what they set.

Several directories are layers, of which a later one wins; default is the pack
that comes with headstart, and what is listed if none is named.`,
		Example: `  headstart rules list
  headstart rules list default ./local
  headstart rules list default ./local --lists
  headstart rules list ./local --output markdown > rules.md`,
		ValidArgsFunction: completeLayers,
	}
	c.Flags().StringVar(&output, "output", "text", "how to print rules: `text`, json (JSON lines) or markdown (a page with all that each says)")
	c.Flags().BoolVar(&lists, "lists", false, "list the lists and macros instead, and which file decided them")
	complete(c, "output", "text", "json", "markdown")
	c.RunE = func(c *cobra.Command, dirs []string) error {
		switch {
		case output == "markdown" && lists:
			return daemon.Usage("--output markdown is a page about rules, not about lists")
		case output != "text" && output != "json" && output != "markdown":
			return daemon.Usage("--output %q: want text, json or markdown", output)
		}
		layers, err := ruleLayers(dirs)
		if err != nil {
			return err
		}
		set, err := rule.LoadLayers(layers, nil)
		if err != nil {
			return err
		}
		switch page := pageOf(c.OutOrStdout()); {
		case output == "markdown":
			_, err := io.WriteString(c.OutOrStdout(), "# Rules\n\n"+ruledoc.Page(set.Rules, ""))
			return err
		case output == "json" && lists:
			return writeLines(c.OutOrStdout(), definitionLines(set))
		case output == "json":
			return writeLines(c.OutOrStdout(), ruleLines(set))
		case lists:
			return write(c.OutOrStdout(), definitionsText(set, page))
		default:
			return write(c.OutOrStdout(), rulesText(set, page))
		}
	}
	return c
}

func writeLines[T any](w io.Writer, values []T) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	for _, v := range values {
		if err := encoder.Encode(v); err != nil {
			return err
		}
	}
	return nil
}

// ruleLine is a rule as programs read it.
type ruleLine struct {
	Type          string         `json:"type"`
	ID            string         `json:"rule"`
	Title         string         `json:"title"`
	Severity      event.Severity `json:"severity"`
	Score         float64        `json:"score"`
	ScoreLearning float64        `json:"score_learning"`
	Enabled       bool           `json:"enabled"`
	Alert         bool           `json:"alert"`
	Kind          string         `json:"kind"`
	Attack        []string       `json:"attack,omitempty"`
	Exceptions    int            `json:"exceptions,omitempty"`
	Cases         int            `json:"cases,omitempty"` // of its tests
	File          string         `json:"file"`
	Overrides     []overrideLine `json:"overrides,omitempty"`
}

type overrideLine struct {
	File   string   `json:"file"`
	Fields []string `json:"fields"`
	Reason string   `json:"reason,omitempty"`
}

func ruleLines(set *rule.Set) []ruleLine {
	lines := make([]ruleLine, 0, len(set.Rules))
	for _, r := range set.Rules {
		l := ruleLine{
			Type: "rule", ID: r.ID, Title: r.Title, Severity: r.Severity, Score: r.Score, ScoreLearning: r.ScoreLearning, Enabled: r.Enabled, Alert: r.Alert,
			Kind: kindOfRule(r), Attack: r.Attack, Exceptions: len(r.Unless), File: r.File,
		}
		if r.Tests != nil {
			l.Cases = len(r.Tests.Cases)
		}
		for _, o := range r.Overrides {
			l.Overrides = append(l.Overrides, overrideLine{o.File, o.Fields, o.Reason})
		}
		lines = append(lines, l)
	}
	return lines
}

// kindOfRule says what a rule puts together.
func kindOfRule(r *rule.Rule) string {
	switch {
	case r.Count != nil:
		return "count"
	case r.Sequence != nil:
		return "sequence"
	case r.Path != nil:
		return "path"
	case r.Absent != nil:
		return "absent"
	case r.For > 0:
		return "for"
	}
	return "single"
}

// stateOfRule says what comes of a rule's firing.
func stateOfRule(r *rule.Rule) term.Span {
	switch {
	case !r.Enabled:
		return term.Yellow.Of("off")
	case !r.Alert:
		return term.Cyan.Of("feeds others")
	}
	return term.Regular.Of("on")
}

func rulesText(set *rule.Set, p term.Page) string {
	rows := []term.Row{{Cells: faint("RULE", "SEVERITY", "POINTS", "LEARNING", "STATE", "KIND", "ATT&CK"), Rest: faint("FILE")}}
	for _, r := range set.Rules {
		row := term.Row{
			Cells: []term.Span{
				term.Bold.Of(r.ID), severityWord(r.Severity), term.Regular.Of(fmt.Sprintf("%g", r.Score)), term.Regular.Of(fmt.Sprintf("%g", r.ScoreLearning)),
				stateOfRule(r), term.Regular.Of(kindOfRule(r)), term.Regular.Of(strings.Join(r.Attack, " ")),
			},
			Rest: []term.Span{term.Regular.Of(r.File)},
		}
		for _, o := range r.Overrides {
			what := strings.Join(o.Fields, ", ") + " from " + o.File
			if o.Reason != "" {
				what += " (" + o.Reason + ")"
			}
			row.Rest = append(row.Rest, term.Yellow.Of(what))
		}
		rows = append(rows, row)
	}
	var b strings.Builder
	p.Table(&b, 0, rows)
	return b.String()
}

// severityWord is a severity in its colour.
func severityWord(s event.Severity) term.Span { return report.Style(s).Of(s.String()) }

// definitionLine is a list or a macro as programs read it.
type definitionLine struct {
	Type    string   `json:"type"` // list or macro
	Name    string   `json:"name"` // as conditions have it
	Entries int      `json:"entries"`
	Used    bool     `json:"used"`
	File    string   `json:"file,omitempty"` // empty: nobody has said, and headstart has
	Line    int      `json:"line,omitempty"`
	Over    []string `json:"over,omitempty"` // the files whose definition it replaces, or adds to
}

func definitionLines(set *rule.Set) []definitionLine {
	lines := make([]definitionLine, 0, len(set.Definitions))
	for _, d := range set.Definitions {
		l := definitionLine{Type: "list", Name: d.Kind + "." + d.Name, Entries: d.Size, Used: d.Used, File: d.File, Line: d.Line, Over: d.Over}
		if d.Kind == "macros" {
			l.Type = "macro"
		}
		lines = append(lines, l)
	}
	return lines
}

func definitionsText(set *rule.Set, p term.Page) string {
	rows := []term.Row{{Cells: faint("NAME", "ENTRIES", "USED"), Rest: faint("FILE")}}
	for _, d := range definitionLines(set) {
		entries, used, file := fmt.Sprint(d.Entries), term.Regular.Of("yes"), cmp.Or(d.File, "built in")
		if d.Type == "macro" {
			entries = ""
		}
		if !d.Used {
			used = term.Yellow.Of("no")
		}
		row := term.Row{Cells: []term.Span{term.Bold.Of(d.Name), term.Regular.Of(entries), used}, Rest: []term.Span{term.Regular.Of(file)}}
		if len(d.Over) > 0 {
			row.Rest = append(row.Rest, term.Yellow.Of("over "+strings.Join(d.Over, ", ")))
		}
		rows = append(rows, row)
	}
	var b strings.Builder
	p.Table(&b, 0, rows)
	return b.String()
}
