package reporter

import (
	"encoding/json"
	"io"
	"net/url"
	"path/filepath"

	"headstart/detect/rule"
)

// mistakeCode is the rule of SARIF that all mistakes are of.
const mistakeCode = "mistake"

type (
	text struct {
		Text string `json:"text"`
	}
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool struct {
			Driver struct {
				Name           string      `json:"name"`
				InformationURI string      `json:"informationUri,omitempty"`
				Rules          []sarifRule `json:"rules"`
			} `json:"driver"`
		} `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifRule struct {
		ID               string `json:"id"`
		ShortDescription text   `json:"shortDescription"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		Level     string          `json:"level"`
		Message   text            `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifLocation struct {
		PhysicalLocation struct {
			ArtifactLocation struct {
				URI string `json:"uri"`
			} `json:"artifactLocation"`
			Region *sarifRegion `json:"region,omitempty"`
		} `json:"physicalLocation"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn"`
	}
)

func writeSARIF(w io.Writer, r rule.Report) error {
	run := sarifRun{ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	run.Tool.Driver.Name = "headstart rules check"
	run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{mistakeCode, text{"the rules can't be loaded"}})
	for _, l := range rule.Lints() {
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{l.Code, text{l.Doc}})
	}
	for _, e := range r.Mistakes {
		run.Results = append(run.Results, result("error", e))
	}
	for _, e := range r.Warnings {
		run.Results = append(run.Results, result("warning", e))
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(sarifLog{
		Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run},
	})
}

func result(level string, e *rule.Error) sarifResult {
	r := sarifResult{RuleID: mistakeCode, Level: level, Message: text{e.Message}, Locations: make([]sarifLocation, 1)}
	if e.Code != "" {
		r.RuleID = e.Code
	}
	where := &r.Locations[0].PhysicalLocation
	where.ArtifactLocation.URI = (&url.URL{Path: filepath.ToSlash(e.File)}).String()
	if e.Line > 0 {
		where.Region = &sarifRegion{e.Line, e.Column}
	}
	return r
}
