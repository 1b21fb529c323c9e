package rule

import (
	"go.yaml.in/yaml/v3"

	"headstart/detect/rule/condition"
	"headstart/yamlsrc"
)

// when is a condition and where it is from.
type when struct {
	condition.Condition
	origin origin
}

// origin is where a condition is from: its text, the place of each character of
// it, and what it stands in.
type origin struct {
	in    *source
	node  *yaml.Node // nil: there is no condition
	frame condition.Frame
}

func (o origin) place(offset int) yamlsrc.Place { return o.in.PlaceIn(o.node, offset) }
