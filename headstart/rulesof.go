package main

import (
	"context"
	"net/netip"
	"os"
	"strings"

	"headstart/bus"
	rules "headstart/rules.expr"
	"headstart/services/correlator/rule"
)

// defaultPack stands, in the place of a directory, for the pack that comes with
// headstart.
const defaultPack = "default"

const defaultPackName = "the default pack"

// loadRules reads directories of rules, of which a later one wins.
func loadRules(dirs []string, internal []netip.Prefix) (*rule.Set, error) {
	var layers []rule.Layer
	for _, dir := range dirs {
		if dir == defaultPack {
			layers = append(layers, rule.Layer{Name: defaultPackName, Files: rules.Files})
		} else {
			layers = append(layers, rule.Layer{Name: dir, Files: os.DirFS(dir)})
		}
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
