package correlator

import (
	"errors"
	"io/fs"
	"os"
	"slices"

	"headstart/daemon"
	"headstart/detect/rule"
)

// What --rules can name beside directories. A directory of such a name is
// written with its path: ./default.
const (
	DefaultRules = "default" // the pack that comes with headstart
	PushedRules  = "pushed"  // what headstart rules push has stored
)

// Layers returns the rules that --rules or a command's arguments name, in the
// order in which a later one wins; none is the default pack. What was pushed
// isn't there to be read: asking for it is a usage error, as is what is no
// directory.
func Layers(names []string, pack fs.FS) ([]rule.Layer, error) {
	if len(names) == 0 {
		names = []string{DefaultRules}
	}
	var layers []rule.Layer
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return nil, daemon.Usage("%s: it is named twice", name)
		}
		if name == PushedRules {
			return nil, daemon.Usage("%s: only a running correlator knows them; 'headstart rules pull' writes them to a directory (and ./%s is a directory)", PushedRules, PushedRules)
		}
		if info, err := os.Stat(name); name != DefaultRules && (err != nil || !info.IsDir()) {
			return nil, daemon.Usage("%s: %w", name,
				errors.Join(err, errors.New("want a directory with rule files (*.yaml), default for the pack that comes with headstart, or pushed for what 'headstart rules push' has stored")))
		}
		layers = append(layers, layerOf(name, pack))
	}
	return layers, nil
}

// layerOf returns a layer, whether it is there or not.
func layerOf(name string, pack fs.FS) rule.Layer {
	if name == DefaultRules {
		return rule.Layer{Name: name, Files: pack}
	}
	return rule.Layer{Name: name, Files: os.DirFS(name)}
}
