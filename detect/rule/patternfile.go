package rule

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"headstart/detect/rule/condition"
	"headstart/detect/rule/schema"
	"headstart/suggest"
	"headstart/yamlsrc"
)

// The limits of patterns. What they bound is remembered while a window lasts.
const (
	MaxHops    = 20
	MaxCount   = 4096 // of Count.AtLeast, where it isn't a sum
	minBeacons = 6    // of Count.AtLeast, where Count.Beaconing is set

	minHops = 2
)

// patternReader reads the fields of a rule that say what it matches of
// connections, and what of several together.
type patternReader struct {
	*source
	language        *condition.Language
	rule            *Rule
	root            *yaml.Node
	fields          map[string]*yaml.Node
	thresholds      thresholdFields
	condition.Frame // of the rule's condition and exceptions
}

func (p *patternReader) read() {
	pattern := p.one()
	switch pattern {
	case "sequence":
		p.reject("when", "a rule with sequence has a condition in each of its steps")
		p.reject("for", "in a rule with sequence, for belongs to a step")
		p.sequence(p.fields[pattern])
		return
	case "absent":
		p.reject("for", "in a rule with absent, for belongs below absent")
		p.absent(p.fields[pattern])
		return
	}
	p.Require(p.root, p.fields, "a rule", "when")
	var into Part
	if n := p.fields["for"]; n != nil {
		p.rule.For = p.setting(n).forDuration()
		into.Lasts = p.rule.For
	}
	if n := p.fields["when"]; n != nil {
		p.rule.When, into.When = p.condition(n, "when", p.language, p.Frame)
	}
	switch pattern {
	case "count":
		p.count(p.fields[pattern], &into)
	case "path":
		p.path(p.fields[pattern])
	}
	p.rule.parts = []Part{into}
}

// one returns which pattern the rule is, and reports a second.
func (p *patternReader) one() string {
	var first *yaml.Node
	for i := 0; i+1 < len(p.root.Content); i += 2 {
		key := p.root.Content[i]
		switch key.Value {
		case "count", "sequence", "path", "absent":
		default:
			continue
		}
		switch {
		case first == nil:
			first = key
		case first.Value != key.Value:
			p.Errorf(yamlsrc.PlaceOf(key), "a rule has one of count, sequence, path and absent; %s is in line %d already", first.Value, first.Line)
		}
	}
	if first == nil {
		return ""
	}
	return first.Value
}

// reject reports a field that the rule must not have.
func (p *patternReader) reject(field, why string) {
	for i := 0; i+1 < len(p.root.Content); i += 2 {
		if key := p.root.Content[i]; key.Value == field {
			p.Errorf(yamlsrc.PlaceOf(key), "%s", why)
			return
		}
	}
}

func (p *patternReader) count(n *yaml.Node, into *Part) {
	fields := p.Mapping(n, schema.Count, schema.Names(schema.Count))
	if fields == nil {
		return
	}
	p.Require(n, fields, "count", "by", "within", "at_least")
	c := new(Count)
	p.rule.Count = c
	if n := fields["by"]; n != nil {
		c.By, into.By = p.by(n)
	}
	if n := fields["of"]; n != nil {
		c.Of, into.Of = p.value(n, "of", condition.KeyTypes()...)
	}
	if n := fields["sum"]; n != nil {
		c.Sum, into.Sum = p.value(n, "sum", condition.TypeNumber)
		if fields["of"] != nil {
			p.Errorf(yamlsrc.PlaceOf(n), "count has of (distinct values are counted) or sum (numbers are added up), not both")
		}
	}
	if n := fields["within"]; n != nil {
		c.Within = p.setting(n).window("within")
	}
	if n := fields["at_least"]; n != nil {
		c.AtLeast = p.setting(n).atLeast(fields["sum"] != nil)
	}
	if n := fields["above_usual"]; n != nil {
		c.AboveUsual = p.setting(n).aboveUsual(fields["of"] != nil)
		into.fanout = true
	}
	if n := fields["beaconing"]; n != nil {
		c.Beaconing = p.beaconing(n, p.setting(n), c)
	}
}

func (v setting) atLeast(sum bool) float64 {
	if v.n == nil {
		return 0
	}
	least, ok := v.s.Number(v.n, "at_least")
	switch {
	case !ok:
	case least < 1:
		v.s.Errorf(yamlsrc.PlaceOf(v.n), "at_least must be 1 or more, not %s", v.n.Value)
	case !sum && least != math.Trunc(least):
		v.s.Errorf(yamlsrc.PlaceOf(v.n), "at_least must be a whole number, not %s", v.n.Value)
	case !sum && least > MaxCount:
		v.s.Errorf(yamlsrc.PlaceOf(v.n), "at_least can be %d at most, not %s", MaxCount, v.n.Value)
	}
	return least
}

func (v setting) aboveUsual(of bool) float64 {
	if v.n == nil {
		return 0
	}
	factor, ok := v.s.Number(v.n, "above_usual")
	switch {
	case ok && factor <= 0:
		v.s.Errorf(yamlsrc.PlaceOf(v.n), "above_usual must be more than 0, not %s", v.n.Value)
	case !of:
		v.s.Errorf(yamlsrc.PlaceOf(v.n), "above_usual compares with the baseline number of responders; count them with of: conn.peer")
	}
	return factor
}

// beaconing reads how regular connections must be. The place of what the count
// lacks for it is where it is set.
func (p *patternReader) beaconing(n *yaml.Node, given setting, c *Count) float64 {
	if given.n == nil {
		return 0
	}
	score, ok := given.s.Number(given.n, "beaconing")
	switch {
	case ok && (score <= 0 || score > 1):
		given.s.Errorf(yamlsrc.PlaceOf(given.n), "beaconing must be more than 0 and at most 1, not %s", given.n.Value)
	case c.Of != "" || c.Sum != "":
		p.Errorf(yamlsrc.PlaceOf(n), "beaconing compares the times of connections; remove of and sum")
	case !slices.ContainsFunc(c.By, func(by string) bool { return strings.TrimSpace(by) == "host.name" }):
		p.Errorf(yamlsrc.PlaceOf(n), "beaconing compares the connections of one host; add host.name to by")
	case c.AtLeast < minBeacons && c.AtLeast >= 1:
		p.Errorf(yamlsrc.PlaceOf(n), "beaconing needs an at_least of %d or more: fewer connections show no interval", minBeacons)
	}
	return score
}

func (p *patternReader) sequence(n *yaml.Node) {
	fields := p.Mapping(n, schema.Sequence, schema.Names(schema.Sequence))
	if fields == nil {
		return
	}
	p.Require(n, fields, "sequence", "within", "steps")
	q := new(Sequence)
	p.rule.Sequence = q
	if n := fields["within"]; n != nil {
		q.Within = p.setting(n).window("within")
	}
	if n := fields["steps"]; n != nil {
		q.Steps = p.steps(n)
	}
}

func (p *patternReader) steps(n *yaml.Node) []Step {
	entries, ok := p.List(n, "steps")
	if !ok {
		return nil
	}
	if len(entries) < schema.MinSteps || len(entries) > schema.MaxSteps {
		p.Errorf(yamlsrc.PlaceOf(n), "a sequence has %d to %d steps, not %d", schema.MinSteps, schema.MaxSteps, len(entries))
	}
	var steps []Step
	for _, entry := range entries[:min(len(entries), schema.MaxSteps)] {
		step, into := p.step(entry)
		steps, p.rule.parts = append(steps, step), append(p.rule.parts, into)
	}
	return steps
}

func (p *patternReader) step(entry *yaml.Node) (step Step, into Part) {
	fields := p.Mapping(entry, schema.Step, schema.Names(schema.Step))
	if fields == nil {
		return step, into
	}
	p.Require(entry, fields, "a step", "when", "by")
	if n := fields["when"]; n != nil {
		step.When, into.When = p.condition(n, "when", p.language, p.Frame)
	}
	if n := fields["by"]; n != nil {
		step.By, into.By = p.by(n)
		p.sameKey(n, into.By)
	}
	if n := fields["for"]; n != nil {
		step.For = p.setting(n).forDuration()
		into.Lasts = step.For
	}
	return step, into
}

// sameKey reports a key that no step before it can have.
func (p *patternReader) sameKey(n *yaml.Node, by []condition.Value) {
	if len(p.rule.parts) == 0 || by == nil || p.rule.parts[0].By == nil {
		return
	}
	first := p.rule.parts[0].By
	if len(by) != len(first) {
		p.Errorf(yamlsrc.PlaceOf(n), "this step has %s to by, the first has %d: steps belong together when all of them are equal", expressions(len(by)), len(first))
		return
	}
	for i := range by {
		if a, b := first[i].Kind, by[i].Kind; !canBeEqual(a, b) {
			p.Errorf(yamlsrc.PlaceOf(n), "this step has by of the type %s where the first has %s: they are never equal", b, a)
		}
	}
}

func (p *patternReader) path(n *yaml.Node) {
	fields := p.Mapping(n, schema.Path, schema.Names(schema.Path))
	if fields == nil {
		return
	}
	p.Require(n, fields, "path", "hops", "within")
	p.rule.Path = new(Path)
	if n := fields["hops"]; n != nil {
		p.rule.Path.Hops = p.setting(n).hops()
	}
	if n := fields["within"]; n != nil {
		p.rule.Path.Within = p.setting(n).window("within")
	}
}

func (v setting) hops() int {
	if v.n == nil {
		return 0
	}
	hops, ok := v.s.Number(v.n, "hops")
	if ok && (hops < minHops || hops > MaxHops || hops != math.Trunc(hops)) {
		v.s.Errorf(yamlsrc.PlaceOf(v.n), "hops is a whole number from %d to %d, not %s", minHops, MaxHops, v.n.Value)
		return 0
	}
	return int(hops)
}

func (p *patternReader) absent(n *yaml.Node) {
	fields := p.Mapping(n, schema.Absent, schema.Names(schema.Absent))
	if fields != nil {
		p.Require(n, fields, "absent", "of", "for")
		p.rule.Absent = new(Absent)
		if n := fields["of"]; n != nil {
			p.rule.Absent.Of = p.missing(n)
		}
		if n := fields["for"]; n != nil {
			p.rule.Absent.For = p.setting(n).window("for")
		}
		if p.rule.Absent.Of == MissingPoller {
			p.About = condition.AboutHost
		}
	}
	if n := p.fields["when"]; n != nil {
		p.rule.When, p.rule.absent = p.condition(n, "when", p.language, p.Frame)
	}
}

func (p *patternReader) missing(n *yaml.Node) Missing {
	text, ok := p.Text(n, "of")
	switch {
	case text == "poller":
		return MissingPoller
	case text == "peer_report":
		return MissingPeerReport
	case text == "witness":
		p.Errorf(yamlsrc.PlaceOf(n), "of is %s; witness is now called peer_report", suggest.OneOf(missingNames()))
	case ok:
		p.Errorf(yamlsrc.PlaceOf(n), "of is %s, not %q%s", suggest.OneOf(missingNames()), yamlsrc.Short(text), suggest.DidYouMean(text, missingNames()))
	}
	return 0
}

func missingNames() []string { return []string{"poller", "peer_report"} }

// by reads the expressions of a key: one, or a list.
func (p *patternReader) by(n *yaml.Node) (texts []string, values []condition.Value) {
	entries := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		entries = n.Content
	}
	if len(entries) == 0 || len(entries) > schema.MaxBy {
		p.Errorf(yamlsrc.PlaceOf(n), "by is one expression or a list of %d at most, not of %d", schema.MaxBy, len(entries))
		return nil, nil
	}
	for _, entry := range entries {
		text, v := p.value(entry, "by", condition.KeyTypes()...)
		texts, values = append(texts, text), append(values, v)
	}
	return texts, values
}

// value compiles an expression and reports its errors where they are.
func (p *patternReader) value(n *yaml.Node, field string, kinds ...string) (string, condition.Value) {
	text, ok := p.Text(n, field)
	if !ok {
		return "", condition.Value{}
	}
	v, errs := p.language.CompileValue(n.Value, p.Frame, kinds...)
	p.errorsIn(n, field, errs)
	return text, v
}

// setting is the value of a field: what stands there, or the threshold that it
// names.
func (p *patternReader) setting(n *yaml.Node) setting { return p.thresholds.resolve(p.source, n) }

// window reads a duration that something is remembered for.
func (v setting) window(field string) time.Duration {
	if v.n == nil {
		return 0
	}
	text, ok := v.s.Text(v.n, field)
	if !ok {
		return 0
	}
	d, err := condition.ParseDuration(text)
	switch {
	case err != nil:
		v.s.Errorf(yamlsrc.PlaceOf(v.n), "%v", err)
	case d < schema.MinWindow || d > schema.MaxWindow:
		v.s.Errorf(yamlsrc.PlaceOf(v.n), "%s is from 1s to 720h (30 days), not %s", field, text)
	}
	return d
}

// canBeEqual reports whether values of two types can be the same in a key. An
// end is written as a name or an address.
func canBeEqual(a, b string) bool {
	switch {
	case a == b || a == condition.Unknown || b == condition.Unknown:
		return true
	case a == condition.TypeEnd:
		return b == condition.TypeText || b == condition.TypeAddress
	case b == condition.TypeEnd:
		return canBeEqual(b, a)
	}
	return false
}

func expressions(n int) string {
	if n == 1 {
		return "1 expression"
	}
	return strconv.Itoa(n) + " expressions"
}
