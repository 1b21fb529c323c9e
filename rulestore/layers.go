package rulestore

import (
	"errors"
	"io/fs"
	"os"
	"slices"

	"headstart/daemon"
	"headstart/detect/rule"
)

// The values of --rules besides directories. A directory of such a name is
// written with its path: ./default.
const (
	DefaultRules = "default" // the default ruleset
	PushedRules  = "pushed"  // the newest pushed revision
)

// Layers returns the rules that --rules or a command's arguments name, the
// default ruleset if none. Later layers win. Its error is a usage error, also for
// pushed rules, which are no files.
func Layers(names []string, defaults fs.FS) ([]rule.Layer, error) {
	if len(names) == 0 {
		names = []string{DefaultRules}
	}
	var layers []rule.Layer
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return nil, daemon.Usage("%s: given twice", name)
		}
		if name == PushedRules {
			return nil, daemon.Usage("%s: only a running correlator can use them; 'headstart rules pull' downloads them into a directory (./%s is a directory)", PushedRules, PushedRules)
		}
		if info, err := os.Stat(name); name != DefaultRules && (err != nil || !info.IsDir()) {
			return nil, daemon.Usage("%s: %w", name,
				errors.Join(err, errors.New("want a directory with rule files (*.yaml), default for the default ruleset, or pushed for the pushed rules")))
		}
		layers = append(layers, Layer(name, defaults))
	}
	return layers, nil
}

// Layer returns the layer of a name. A directory need not exist.
func Layer(name string, defaults fs.FS) rule.Layer {
	if name == DefaultRules {
		return rule.Layer{Name: name, Files: defaults}
	}
	return rule.Layer{Name: name, Files: os.DirFS(name)}
}
