package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"headstart/bus"
	"headstart/services/correlator"
	"headstart/services/correlator/rule"
	"headstart/services/correlator/rulebook"
)

// defaultPack stands, in the place of a directory, for the pack that comes with
// headstart.
const defaultPack = correlator.DefaultRules

const defaultPackName = "the default pack"

const rulesUsage = "`directory` of rules, or default for the pack that comes with headstart; may be given several times, and a later one wins (default: default)"

// loadRules reads directories of rules, of which a later one wins.
func loadRules(dirs []string, internal []netip.Prefix) (*rule.Set, error) {
	layers, err := ruleLayers(dirs)
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

// rulesInForce are those of the running system: what was pushed last, else the
// default pack. Rules that a correlator reads from directories of its own are not
// to be had from here.
func rulesInForce(ctx context.Context, b *bus.Bus, internal []netip.Prefix) (*rule.Set, string, error) {
	archive, err := b.FindArchive(ctx, correlator.RulesBucket)
	var pushed *bus.Version
	if err == nil {
		pushed, err = archive.Last(ctx, correlator.RulesKey)
	}
	if err != nil && !errors.Is(err, bus.ErrNoBucket) {
		return nil, "", err
	}
	if pushed == nil {
		set, err := loadRules([]string{defaultPack}, internal)
		return set, defaultPackName, err
	}
	book, err := rulebook.Unpack(pushed.Value)
	if err != nil {
		return nil, "", fmt.Errorf("the rules that were pushed last: %w (--against names others)", err)
	}
	set, err := rule.LoadLayers(book.RuleLayers(), internal)
	if err != nil {
		return nil, "", fmt.Errorf("the rules that were pushed last have mistakes (--against names others):\n%w", err)
	}
	return set, fmt.Sprintf("what was pushed (revision %d)", book.Revision), nil
}
