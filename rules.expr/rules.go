// Package rules embeds the default ruleset, as the files that analysts edit, so
// that a program needs no rules directory beside it.
package rules

import "embed"

// Files holds the YAML files of the default ruleset in its root: one rule each, and lists.yaml.
//
//go:embed *.yaml
var Files embed.FS
