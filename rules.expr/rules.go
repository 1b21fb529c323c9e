// Package rules holds the default pack of rules, as the files that analysts
// edit: a program has them without a directory of rules beside it.
package rules

import "embed"

// Files has the pack's YAML files in its root: one rule each, and lists.yaml.
//
//go:embed *.yaml
var Files embed.FS
