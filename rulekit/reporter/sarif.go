package reporter

import (
	"encoding/json"
	"io"
	"net/url"
	"path/filepath"

	"github.com/chavacava/garif"

	"headstart/detect/rule/lint"
	"headstart/yamlsrc"
)

// mistakeCode is the SARIF rule of every error that keeps rules from loading.
const mistakeCode = "mistake"

// sarifLog and sarifRun write "results" even when there are none: a run without
// the key says that nothing was checked.
type (
	sarifLog struct {
		*garif.LogFile
		Runs []sarifRun `json:"runs"`
	}
	sarifRun struct {
		*garif.Run
		Results []*garif.Result `json:"results"`
	}
)

func writeSARIF(w io.Writer, r lint.Report) error {
	codes := []*garif.ReportingDescriptor{sarifRule(mistakeCode, "the rules can't be loaded")}
	for _, l := range lint.Codes() {
		codes = append(codes, sarifRule(l.Code, l.Doc))
	}
	run := sarifRun{Run: garif.NewRun(garif.NewTool(garif.NewDriver("headstart rules check").WithRules(codes...))), Results: []*garif.Result{}}
	run.ColumnKind = "unicodeCodePoints"
	for _, e := range r.Errors {
		run.Results = append(run.Results, sarifResult(garif.ResultLevel_Error, e))
	}
	for _, e := range r.Warnings {
		run.Results = append(run.Results, sarifResult(garif.ResultLevel_Warning, e))
	}
	log := garif.NewLogFile(nil, "2.1.0")
	log.Schema = "https://json.schemastore.org/sarif-2.1.0.json"
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(sarifLog{log, []sarifRun{run}})
}

func sarifRule(code, doc string) *garif.ReportingDescriptor {
	d := garif.NewRule(code)
	d.ShortDescription = garif.NewMultiformatMessageString(doc)
	return d
}

func sarifResult(level garif.ResultLevel, e *yamlsrc.Diagnostic) *garif.Result {
	r := garif.NewResult(garif.NewMessageFromText(e.Message))
	r.RuleId, r.Level = mistakeCode, level
	if e.Code != "" {
		r.RuleId = e.Code
	}
	at := garif.NewLocation().WithURI((&url.URL{Path: filepath.ToSlash(e.File)}).String())
	if e.Line > 0 {
		at.WithLineColumn(e.Line, e.Column)
	}
	r.Locations = []*garif.Location{at}
	return r
}
