package main

import (
	"context"
	"net/netip"
	"strings"

	"headstart/bus"
	rules "headstart/rules.expr"
	"headstart/services/correlator"
	"headstart/services/correlator/rule"
)

// defaultPack stands, in the place of a directory, for the pack that comes with
// headstart.
const defaultPack = correlator.DefaultRules

const defaultPackName = "the default pack"

const rulesUsage = "`directory` of rules, or default for the pack that comes with headstart; may be given several times, and a later one wins (default: default)"

// loadRules reads directories of rules, of which a later one wins; none are the
// default pack.
func loadRules(dirs []string, internal []netip.Prefix) (*rule.Set, error) {
	layers, err := correlator.Layers(dirs, rules.Files)
	if err != nil {
		return nil, err
	}
	return rule.LoadLayers(layers, internal)
}

// rulesName is how messages call the rules of directories.
func rulesName(dirs []string) string {
	names := make([]string, len(dirs))
	for i, dir := range dirs {
		if names[i] = dir; dir == defaultPack {
			names[i] = defaultPackName
		}
	}
	return strings.Join(names, " + ")
}

// rulesInForce are those of the running system.
func rulesInForce(_ context.Context, _ *bus.Bus, internal []netip.Prefix) (*rule.Set, string, error) {
	set, err := loadRules([]string{defaultPack}, internal)
	return set, defaultPackName, err
}
