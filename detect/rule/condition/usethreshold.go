package condition

import (
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"

	"headstart/detect/rule/schema"
	"headstart/suggest"
	"headstart/yamlsrc"
)

// Thresholds are the named numbers and durations of one rule.
type Thresholds map[string]*Threshold

// Threshold is one of them.
type Threshold struct {
	Number     float64
	Duration   time.Duration
	IsDuration bool
	Used       bool
}

func (t Thresholds) Names() []string { return slices.Sorted(maps.Keys(t)) }

// literal is the value as a part of an expression.
func (t *Threshold) literal() (ast.Node, string) {
	switch {
	case t.IsDuration:
		return &ast.ConstantNode{Value: t.Duration}, TypeDuration
	case t.Number == math.Trunc(t.Number) && math.Abs(t.Number) < 1<<53:
		return &ast.IntegerNode{Value: int(t.Number)}, TypeNumber
	default:
		return &ast.FloatNode{Value: t.Number}, TypeNumber
	}
}

// Find returns a threshold by what an author calls it, thresholds.NAME, or says
// why there is none.
func (t Thresholds) Find(path string) (found *Threshold, why string) {
	name := strings.TrimPrefix(path, schema.ThresholdGroup+".")
	if found = t[name]; found != nil {
		found.Used = true
		return found, ""
	}
	if len(t) == 0 {
		return nil, "the rule has no thresholds; they are written below \"thresholds:\""
	}
	return nil, "the rule has no threshold " + yamlsrc.Short(name) + suggest.OrList(name, t.Names())
}

// threshold puts a threshold's value in the place of its name.
func (r *resolver) threshold(n *ast.Node, path string) string {
	if r.Thresholds == nil {
		r.errorf(*n, "only a rule has thresholds; a macro is the same for all rules")
		return Unknown
	}
	t, why := r.Thresholds.Find(path)
	if t == nil {
		r.errorf(*n, "%s", why)
		return Unknown
	}
	literal, kind := t.literal()
	ast.Patch(n, literal)
	return kind
}

// Kind is what messages call its type.
func (t *Threshold) Kind() string {
	if t.IsDuration {
		return "a duration"
	}
	return "a number"
}
