// Package reporter writes the diagnostics of rules for other programs: as JSON
// lines, GitHub annotations, or SARIF. It guarantees that text from a file can't
// end a line or an annotation early.
package reporter

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"headstart/detect/rule/lint"
	"headstart/yamlsrc"
)

// Formats returns the names of the formats. The command itself writes text.
func Formats() []string { return []string{"text", "json", "github", "sarif"} }

// Write writes a report in one of the formats but text.
func Write(w io.Writer, format string, r lint.Report) error {
	switch format {
	case "json":
		return writeJSON(w, r)
	case "github":
		return writeGitHub(w, r)
	case "sarif":
		return writeSARIF(w, r)
	}
	return fmt.Errorf("report format %q: want json, github or sarif", format)
}

// line is a diagnostic as a JSON object.
type line struct {
	Type string `json:"type"` // mistake or warning
	*yamlsrc.Diagnostic
}

func writeJSON(w io.Writer, r lint.Report) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	for _, e := range r.Errors {
		if err := encoder.Encode(line{"mistake", e}); err != nil {
			return err
		}
	}
	for _, e := range r.Warnings {
		if err := encoder.Encode(line{"warning", e}); err != nil {
			return err
		}
	}
	return encoder.Encode(struct {
		Type     string `json:"type"`
		Rules    int    `json:"rules"`
		Mistakes int    `json:"mistakes"`
		Warnings int    `json:"warnings"`
	}{"summary", r.Rules, len(r.Errors), len(r.Warnings)})
}

// inMessage and inProperty escape what would end a message or a property
// (docs.github.com, "Workflow commands for GitHub Actions").
var (
	inMessage  = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	inProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func writeGitHub(w io.Writer, r lint.Report) error {
	var b strings.Builder
	annotate := func(level string, e *yamlsrc.Diagnostic) {
		b.WriteString("::" + level + " file=" + inProperty.Replace(e.File))
		if e.Line > 0 {
			fmt.Fprintf(&b, ",line=%d,col=%d", e.Line, e.Column)
		}
		if e.Code != "" {
			b.WriteString(",title=" + inProperty.Replace(e.Code))
		}
		b.WriteString("::" + inMessage.Replace(e.Message) + "\n")
	}
	for _, e := range r.Errors {
		annotate("error", e)
	}
	for _, e := range r.Warnings {
		annotate("warning", e)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
