package lint

import (
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"headstart/detect/rule/condition"
	"headstart/detect/rule/schema"
	"headstart/event"
	"headstart/yamlsrc"
)

// texts looks for texts that an analyst misses.
func (l *linter) texts(f *checked) {
	at, severity := yamlsrc.Field(f.root, "rule"), yamlsrc.Field(f.root, "severity")
	isBlock := isFalse(yamlsrc.Field(f.root, "alert"))
	if yamlsrc.Field(f.root, "description") == nil {
		f.warn(noDescription, at, "the rule has no description: add what it finds, what it assumes and its false positives")
	}
	if yamlsrc.Field(f.root, "guide") == nil && !isBlock {
		f.warn(noGuide, at, "the rule has no guide: add the analyst's first steps")
	}
	info := severity != nil && severity.Value == event.Info.String()
	if n := yamlsrc.Field(f.root, "attack"); (n == nil || len(n.Content) == 0) && !info && !isBlock {
		f.warn(noAttack, at, "the rule names no MITRE ATT&CK technique: add attack, such as [T1021.004], or use severity info")
	}
	if yamlsrc.Field(f.root, "tests") == nil && !f.tested {
		f.warn(noTests, at, "the rule has no tests: add a case in which it fires and one in which it nearly does")
	}
}

func isFalse(n *yaml.Node) bool { return n != nil && strings.EqualFold(n.Value, "false") }

// soon is how long before its end an exception is announced.
const soon = 7 * 24 * time.Hour

func (l *linter) exceptions(f *checked) {
	in := l.byID[f.id]
	if in == nil {
		return
	}
	r := l.reasoner
	r.Thresholds = l.thresholdsOf(f.id)
	for _, e := range f.unless() {
		expires := yamlsrc.Field(e, "expires")
		if expires == nil {
			continue
		}
		day, err := time.Parse(time.DateOnly, strings.TrimSpace(expires.Value))
		if err != nil {
			continue
		}
		switch end := day.AddDate(0, 0, 1); {
		case !l.now.Before(end):
			f.warn(exceptionExpired, expires, "the exception has expired and has no effect: remove it or renew it with %s", ownerOf(e))
			continue
		case !l.now.Add(soon).Before(end):
			f.warn(exceptionExpiresSoon, expires, "the exception expires on %s: remove it or renew it with %s", expires.Value, ownerOf(e))
		}
		l.exception(f, in, yamlsrc.Field(e, "when"), &r)
	}
}

func ownerOf(e *yaml.Node) string {
	if n := yamlsrc.Field(e, "owner"); n != nil && n.Value != "" {
		return yamlsrc.Short(n.Value)
	}
	return "its owner"
}

// exception looks whether an exception can hold where the rule does, and
// whether it doesn't always.
func (l *linter) exception(f, of *checked, when *yaml.Node, r *condition.Reasoner) {
	tree := l.tree(when)
	if tree == nil {
		return
	}
	hold, known := r.Branches(tree, true, -1, 0)
	fails, known2 := r.Branches(tree, false, -1, 0)
	if !known || !known2 {
		return
	}
	var never, always []condition.Term
	for _, a := range of.expressions() {
		if a.field != "when" {
			continue
		}
		when := l.tree(a.node)
		if when == nil {
			return
		}
		asks, ok := r.Branches(when, true, -1, 0)
		both, ok2 := condition.Product(asks, hold)
		other, ok3 := condition.Product(asks, fails)
		if !ok || !ok2 || !ok3 || r.Never(asks, false) != nil {
			return
		}
		n, a := r.Never(both, false), r.Never(other, false)
		if n == nil {
			never = nil
		} else if never == nil {
			never = n
		}
		if n == nil && a == nil {
			return
		}
		always = a
	}
	switch {
	case never != nil && len(never) > 0:
		f.warnAt(exceptionNeverHolds, f.PlaceIn(when, 0), "the exception never holds where the rule does: %s can't be true of one connection", termNames(never))
	case always != nil:
		f.warnAt(exceptionHidesAll, f.PlaceIn(when, 0), "the exception holds wherever the rule does; disable the rule instead (enabled: false)")
	}
}

func termNames(terms []condition.Term) string {
	var names []string
	for _, t := range terms {
		names = append(names, yamlsrc.Short(t.String()))
	}
	return strings.Join(names, " and ")
}

// thresholds looks for those that nothing in the rule uses.
func (l *linter) thresholds(f *checked) {
	if l.set == nil || l.set.Rule(f.id) == nil {
		return
	}
	for _, t := range l.set.Rule(f.id).Thresholds {
		if key, _ := yamlsrc.Entry(yamlsrc.Field(f.root, schema.ThresholdGroup), t.Name); key != nil && !t.Used {
			f.warn(unusedThreshold, key, "nothing in the rule uses thresholds.%s", t.Name)
		}
	}
}

// override looks for fields that are so already.
func (l *linter) override(f *checked) {
	of := l.byID[f.id]
	if of == nil {
		return
	}
	effective := map[string]string{"enabled": "true", "alert": "true"}
	from := map[string]string{"enabled": of.Name, "alert": of.Name}
	for _, before := range append([]*checked{of}, l.overridesOf(f.id)...) {
		if before == f {
			break
		}
		for name, value := range settings(before) {
			effective[name], from[name] = value.Value, before.Name
		}
	}
	for name, value := range settings(f) {
		if before, ok := effective[name]; ok && strings.EqualFold(before, value.Value) {
			f.warn(overrideChangesNothing, value, "%s is %s in %s already", name, yamlsrc.Short(value.Value), from[name])
		}
	}
	if len(settings(f)) == 0 && len(f.unless()) == 0 {
		f.warn(overrideChangesNothing, yamlsrc.Field(f.root, "override"), "the override changes nothing: it can set severity, score, enabled, alert and thresholds, and add to unless")
	}
}

// settings are the single values that an override can set.
func settings(f *checked) map[string]*yaml.Node {
	all := map[string]*yaml.Node{}
	for _, name := range []string{"severity", "score", "score_learning", "enabled", "alert"} {
		if n := yamlsrc.Field(f.root, name); n != nil {
			all[name] = n
		}
	}
	if n := yamlsrc.Field(f.root, "thresholds"); n != nil && n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			all["thresholds."+n.Content[i].Value] = n.Content[i+1]
		}
	}
	return all
}

// unused looks for lists, macros and building blocks that are unused.
func (l *linter) unused() {
	for _, d := range l.set.Definitions {
		i := slices.IndexFunc(l.others, func(f *checked) bool { return f.Name == d.File })
		if d.Used || i < 0 {
			continue
		}
		f, line := l.others[i], d.Line
		column := 1 + len(f.Line(line)) - len(strings.TrimLeft(f.Line(line), " "))
		code := unusedList
		if d.Kind == schema.MacroGroup {
			code = unusedMacro
		}
		f.warnAt(code, yamlsrc.Place{Line: line, Column: column}, "no rule uses %s.%s", d.Kind, yamlsrc.Short(d.Name))
	}
	for _, f := range l.rules {
		if alert, value := yamlsrc.Entry(f.root, "alert"); l.isActive(f) && isFalse(value) && l.set.Feeds(f.id) == 0 {
			f.warn(blockUnused, alert, "the rule raises no alert, and no other rule uses it with fired(%q, …)", f.id)
		}
	}
}

// similar looks for rules that were probably to replace one of a layer below.
func (l *linter) similar() {
	for _, f := range l.rules {
		for _, below := range l.rules {
			if below.layer < f.layer && l.isActive(f) && l.byID[f.id].layer == f.layer && differByALetter(f.id, below.id) {
				f.warn(similarID, yamlsrc.Field(f.root, "rule"), "this is a rule of its own beside %s of %s; write rule: %s to replace that one", below.id, below.Name, below.id)
			}
		}
	}
}
