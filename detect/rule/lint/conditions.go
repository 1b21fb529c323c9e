package lint

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"
	"go.yaml.in/yaml/v3"

	"headstart/detect/rule/condition"
	"headstart/yamlsrc"
)

// conditions looks for what can't hold, and what always does.
func (l *linter) conditions(f *checked) {
	r := l.reasoner
	r.Thresholds = l.thresholdsOf(f.id)
	for _, a := range f.expressions() {
		l.usesFired(f, a)
		if a.field != "when" {
			continue
		}
		tree := l.tree(a.node)
		if tree == nil {
			continue
		}
		waits := yamlsrc.Field(f.root, "for")
		if a.step != nil {
			waits = yamlsrc.Field(a.step, "for")
		}
		hold, known := r.Branches(tree, true, -1, 0)
		if !known {
			continue
		}
		if clash := r.Never(hold, false); clash != nil {
			f.warnAt(neverFires, f.PlaceIn(a.node, clash[len(clash)-1].At), "%s", l.why(a, hold, clash))
			continue
		}
		if waits != nil {
			if clash := r.Never(hold, true); clash != nil {
				f.warn(forAfterEnd, waits, "for applies while a connection is open, and the condition needs one that has ended: remove for and write conn.age.min > duration(%q) in the condition", waits.Value)
			}
		}
		l.attempts(f, a, &r, hold, waits)
		if fails, known := r.Branches(tree, false, -1, 0); known && (len(fails) == 0 || r.Never(fails, false) != nil) && !l.mayHoldAlways(f, a, waits) {
			f.warn(firesOnEverything, a.node, "the condition holds for every connection; narrow it down, or %s", `disable the rule with "enabled: false"`)
		}
	}
	for _, override := range l.overridesOf(f.id) {
		for _, a := range override.expressions() {
			l.usesFired(override, a)
		}
	}
}

// mayHoldAlways reports whether a condition that always holds is fine:
// where how long, how many or what is missing is expression besides.
func (l *linter) mayHoldAlways(f *checked, a expression, waits *yaml.Node) bool {
	return waits != nil || yamlsrc.Field(f.root, "count") != nil || yamlsrc.Field(f.root, "absent") != nil || a.step != nil
}

// why says why a condition never holds.
func (l *linter) why(a expression, hold []condition.Branch, clash []condition.Term) string {
	what := "the rule never fires"
	if a.step != nil {
		what = "this step never matches, and so the rule never fires"
	}
	if slices.ContainsFunc(hold, func(b condition.Branch) bool { return !b.HasAll(clash) }) {
		what += fmt.Sprintf(", whichever of its %d alternatives is tried; of the first", len(hold))
	}
	if len(clash) == 1 {
		return what + ": " + l.alone(clash[0])
	}
	var names []string
	for _, t := range clash {
		names = append(names, yamlsrc.Short(t.String()))
	}
	last := len(names) - 1
	if last > 3 {
		names, last = append(names[:3:3], fmt.Sprintf("%d more", last-2)), 3
	}
	return fmt.Sprintf("%s: %s and %s can't be true of one connection", what, strings.Join(names[:last], ", "), names[last])
}

// alone says why one term alone never holds.
func (l *linter) alone(t condition.Term) string {
	if in, ok := t.Node.(*ast.BinaryNode); ok && in.Operator == "in" && t.Holds {
		if path, ok := condition.PathOf(in.Right); ok && strings.Contains(path, ".") {
			return path + " is an empty list; put something into it, or disable the rule"
		}
	}
	return yamlsrc.Short(t.String()) + " is never true"
}

// Linux gives an attempt up after net.ipv4.tcp_syn_retries (6) retransmissions,
// which is 127 seconds.
const longestAttempt = 127 * time.Second

// attempts looks for attempts that must be older than they get.
func (l *linter) attempts(f *checked, a expression, r *condition.Reasoner, hold []condition.Branch, waits *yaml.Node) {
	attempted := &ast.MemberNode{Node: &ast.IdentifierNode{Value: "conn"}, Property: &ast.StringNode{Value: "attempted"}}
	other := condition.Term{Node: attempted, Holds: false}
	const tooOld = float64(longestAttempt)
	for _, b := range hold {
		if r.Possible(append(b[:len(b):len(b)], other), false) {
			return // it can be something else than an attempt
		}
		age, asked := r.Least(b, "conn.age.min")
		waiting := l.durationOf(f, waits)
		if (!asked || age <= tooOld) && waiting <= longestAttempt {
			return
		}
	}
	f.warn(attemptTooOld, a.node, "the condition needs an attempt older than two minutes, and Linux gives up before (net.ipv4.tcp_syn_retries)")
}

// durationOf reads the value of for, which can be a threshold.
func (l *linter) durationOf(f *checked, n *yaml.Node) time.Duration {
	if n == nil {
		return 0
	}
	text := n.Value
	if name, ok := strings.CutPrefix(text, "thresholds."); ok {
		text = l.thresholdsOf(f.id)[name]
	}
	d, err := condition.ParseDuration(text)
	if err != nil {
		return 0
	}
	return d
}

// usesFired looks for uses of disabled rules.
func (l *linter) usesFired(f *checked, a expression) {
	tree := l.tree(a.node)
	if tree == nil || l.set == nil {
		return
	}
	for _, c := range condition.CallsOfFired(tree) {
		if r := l.set.Rule(c.ID); r != nil && !r.Enabled {
			f.warnAt(firedDisabled, f.PlaceIn(a.node, c.At), "the rule %s is disabled, so this is never true", c.ID)
		}
	}
}
