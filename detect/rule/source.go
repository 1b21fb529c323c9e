package rule

import (
	"headstart/detect/rule/schema"
	"headstart/yamlsrc"
)

// source is a file of a directory of rules.
type source struct{ *yamlsrc.File }

func newSource(name string) *source { return &source{yamlsrc.New(name, schema.Dialect())} }
