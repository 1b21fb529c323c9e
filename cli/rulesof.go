package cli

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path"
	"strings"
	"sync"

	"headstart/bus"
	"headstart/detect/bundle"
	"headstart/detect/rule"
	"headstart/rulestore"
	"headstart/services/correlator"
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

// earlier returns, for a file of some directories, the rules without those that
// come after the file's; nil when there are none.
func earlier(dirs []string) func(file string) *rule.Set {
	layers, err := ruleLayers(dirs)
	if err != nil {
		return nil // loading them says so
	}
	sets := make([]func() *rule.Set, len(layers))
	for n := range layers {
		sets[n] = sync.OnceValue(func() *rule.Set {
			set, err := rule.LoadLayers(layers[:n+1], nil)
			if err != nil {
				return nil // they are no rules without the later ones
			}
			return set
		})
	}
	return func(file string) *rule.Set {
		for n := range layers[:len(layers)-1] {
			if dir, _ := path.Split(file); path.Clean(dir) == path.Clean(layers[n].Name) {
				return sets[n]()
			}
		}
		return nil
	}
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

// rulesInForce are those of the running system, as a correlator tells them; else
// the default pack.
func rulesInForce(ctx context.Context, b *bus.Bus, internal []netip.Prefix) (*rule.Set, string, error) {
	layers, name, err := layersInForce(ctx, b)
	if err != nil {
		return nil, "", err
	}
	set, err := rule.LoadLayers(layers, internal)
	if err != nil {
		return nil, "", fmt.Errorf("the rules in force have mistakes (--against names others):\n%w", err)
	}
	return set, name, nil
}

// layersInForce are the directories of those rules, and what they are called.
func layersInForce(ctx context.Context, b *bus.Bus) (layers []rule.Layer, name string, err error) {
	store, err := rulestore.Open(ctx, b)
	var book *bundle.Book
	if err == nil {
		book, err = store.InForce(ctx)
	}
	if err != nil && !errors.Is(err, bus.ErrNoBucket) {
		return nil, "", err
	}
	if book == nil {
		layers, err = ruleLayers([]string{defaultPack})
		return layers, defaultPackName, err
	}
	switch name = book.Source; {
	case book.Revision > 0:
		name = fmt.Sprintf("what was pushed (revision %d)", book.Revision)
	case name == defaultPack:
		name = defaultPackName
	}
	return book.RuleLayers(), name, nil
}
