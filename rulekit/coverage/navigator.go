package coverage

import (
	"encoding/json"
	"fmt"
	"strings"
)

// layerVersion is the version of the Navigator's file format.
const layerVersion = "4.5"

type layer struct {
	Name         string           `json:"name"`
	Versions     layerVersions    `json:"versions"`
	Domain       string           `json:"domain"`
	Description  string           `json:"description"`
	Sorting      int              `json:"sorting"`
	HideDisabled bool             `json:"hideDisabled"`
	Techniques   []layerTechnique `json:"techniques"`
	Gradient     layerGradient    `json:"gradient"`
	LegendItems  []layerLegend    `json:"legendItems"`
}

type layerVersions struct {
	Attack    string `json:"attack"`
	Navigator string `json:"navigator"`
	Layer     string `json:"layer"`
}

type layerTechnique struct {
	ID       string `json:"techniqueID"`
	Tactic   string `json:"tactic,omitempty"` // empty: in each
	Score    *int   `json:"score,omitempty"`
	Color    string `json:"color,omitempty"`
	Comment  string `json:"comment"`
	Enabled  bool   `json:"enabled"`
	ShowSubs bool   `json:"showSubtechniques"`
}

type layerGradient struct {
	Colors   []string `json:"colors"`
	MinValue int      `json:"minValue"`
	MaxValue int      `json:"maxValue"`
}

type layerLegend struct {
	Label string `json:"label"`
	Color string `json:"color"`
}

// Colours of the layer.
const (
	paleGreen, green = "#d3f2d3", "#2e8b57"
	yellow           = "#fff3bf"
	orange           = "#ffd8a8"
	grey             = "#dee2e6"
)

// Layer returns a layer for MITRE's ATT&CK Navigator: the score of a covered
// technique is the number of its rules.
func Layer(rows []Row, name string) ([]byte, error) {
	l := layer{
		Name: name, Versions: layerVersions{Version, "5.1.0", layerVersion}, Domain: "enterprise-attack",
		Description: "Techniques covered by headstart's enabled rules. Techniques without a colour are not network techniques.",
		Gradient:    layerGradient{Colors: []string{paleGreen, green}, MinValue: 0, MaxValue: 5},
		LegendItems: []layerLegend{
			{"covered by this many rules", green}, {"possibly: rules name the parent technique", yellow},
			{"not covered, and visible in connections", orange}, {"invisible in connections", grey},
		},
		Techniques: []layerTechnique{},
	}
	subs := map[string]bool{}
	for _, r := range rows {
		if r.State == Covered {
			subs[Parent(r.ID)] = true
		}
	}
	for _, r := range rows {
		t := layerTechnique{ID: r.ID, Enabled: true, Comment: r.comment(), ShowSubs: subs[r.ID]}
		switch r.State {
		case Covered:
			score := len(r.Rules)
			t.Score = &score
		case Perhaps:
			t.Color = yellow
		case Uncovered:
			t.Color = orange
		case Invisible:
			t.Color = grey
		}
		l.Techniques = append(l.Techniques, t)
	}
	return json.MarshalIndent(l, "", "  ")
}

func (r *Row) comment() string {
	var parts []string
	if len(r.Rules) > 0 {
		parts = append(parts, fmt.Sprintf("%s: %s", r.State, strings.Join(r.Rules, ", ")))
	} else {
		parts = append(parts, string(r.State))
	}
	if r.Why != "" {
		parts = append(parts, "visibility: "+r.Why)
	}
	return strings.Join(parts, "; ")
}
