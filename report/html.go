package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"

	"headstart/event"
)

//go:embed report.html
var page string

var pageTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"kind":    func(p part) string { return strings.TrimPrefix(fmt.Sprintf("%T", p), "report.") },
	"diagram": newDiagram,
}).Parse(page))

// HTML writes the report as one self-contained file: with a style sheet for light
// and dark screens and for paper, and the path as a diagram.
func (r *Report) HTML(w io.Writer) error {
	err := pageTemplate.Execute(w, struct {
		Title    string
		Severity event.Severity
		About    []field
		Sections []section
	}{r.heading(), r.incident.Severity, r.about(), r.sections()})
	if err != nil {
		return fmt.Errorf("report incident %s: %w", r.incident.ID, err)
	}
	return nil
}
