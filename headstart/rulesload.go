package main

import (
	"net/netip"

	"headstart/daemon"
	rules "headstart/rules.expr"
	"headstart/services/correlator"
	"headstart/services/correlator/rule"
)

const rulesUsage = "`directory` of rules, or default for the pack that comes with headstart; may be given several times, and a later one wins (default: default)"

// loadRules reads the rules that --rules names. The error is a usage error that
// holds every mistake.
func loadRules(names []string, internal []netip.Prefix) (*rule.Set, error) {
	layers, err := correlator.Layers(names, rules.Files)
	if err != nil {
		return nil, daemon.Usage("--rules %w", err)
	}
	set, err := rule.LoadLayers(layers, internal)
	if err != nil {
		return nil, daemon.Usage("--rules: want directories of rules that have no mistakes:\n%w", err)
	}
	return set, nil
}
