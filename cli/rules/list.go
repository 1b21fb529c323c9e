package rules

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"headstart/cli/cmdutil"
	"headstart/daemon"
	"headstart/detect/rule"
	"headstart/event"
	"headstart/report"
	"headstart/rulekit/ruledoc"
	"headstart/term"
)

func newList() *cobra.Command {
	var output cmdutil.Output
	lists := false
	c := &cobra.Command{
		Use:   "list [DIRECTORY…]",
		Short: "List rules, with the files that define and override them",
		Long: `List rules: their risk score, state and kind, the file that each is from, and the
files that override it.

Several directories are layers, and later ones win; default is the default ruleset,
which is listed if no directory is named.`,
		Example: `  headstart rules list
  headstart rules list default ./local
  headstart rules list default ./local --lists
  headstart rules list ./local --output markdown > rules.md`,
		ValidArgsFunction: cmdutil.CompleteRuleLayers,
	}
	output.Define(c, "text", "json (JSON lines)", "markdown (a page with all details)")
	c.Flags().BoolVar(&lists, "lists", false, "list the lists and macros instead, with the files that define them")
	c.RunE = func(c *cobra.Command, dirs []string) error {
		if err := output.Check(); err != nil {
			return err
		}
		if output.Format == "markdown" && lists {
			return daemon.Usage("--output markdown and --lists exclude each other")
		}
		set, err := cmdutil.LoadRules(dirs, nil)
		if err != nil {
			return err
		}
		out := c.OutOrStdout()
		switch {
		case output.Format == "markdown":
			return cmdutil.Write(out, "# Rules\n\n"+ruledoc.Page(set.Rules, ""))
		case output.JSON() && lists:
			return cmdutil.WriteJSON(out, definitionLines(set)...)
		case output.JSON():
			return cmdutil.WriteJSON(out, ruleLines(set)...)
		case lists:
			return cmdutil.Write(out, definitionsText(set, cmdutil.Page(out)))
		}
		return cmdutil.Write(out, rulesText(set, cmdutil.Page(out)))
	}
	return c
}

// ruleLine is a rule in JSON.
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

// kindOfRule returns the kind of a rule.
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

// stateOfRule returns the effect of a rule.
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
	rows := []term.Row{{Cells: cmdutil.Header("RULE", "SEVERITY", "SCORE", "LEARNING", "STATE", "KIND", "ATT&CK"), Rest: cmdutil.Header("FILE")}}
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

// severityWord returns a severity in its colour.
func severityWord(s event.Severity) term.Span { return report.Style(s).Of(s.String()) }

// definitionLine is a list or a macro in JSON.
type definitionLine struct {
	Type    string   `json:"type"` // list or macro
	Name    string   `json:"name"` // as in conditions
	Entries int      `json:"entries"`
	Used    bool     `json:"used"`
	File    string   `json:"file,omitempty"` // empty if it is built in
	Line    int      `json:"line,omitempty"`
	Over    []string `json:"over,omitempty"` // the files whose definition it replaces or extends
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
	rows := []term.Row{{Cells: cmdutil.Header("NAME", "ENTRIES", "USED"), Rest: cmdutil.Header("FILE")}}
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
