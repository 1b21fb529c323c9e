package rule

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"headstart/detect/rule/condition"
	"headstart/detect/rule/schema"
	"headstart/event"
	"headstart/suggest"
	"headstart/yamlsrc"
)

// Rule is one rule as its file says it.
type Rule struct {
	ID             string // 1 to 64 lower-case letters, digits and hyphens
	Title          string // one line
	Severity       event.Severity
	Attack         []string // MITRE ATT&CK technique ids: T1021, T1021.002
	Description    string   // what it finds, what it assumes, known false positives
	Guide          string   // what the analyst does first
	References     []string // addresses of pages to read
	FalsePositives []string // known ones
	When           string   // the condition; empty for a sequence, which has one in each step
	For            time.Duration
	Unless         []*Exception
	Enabled        bool    // a rule that isn't is checked and never evaluated
	File           string  // that it comes from, as the user knows it
	Score          float64 // what it adds to an incident's, 0 to 100
	ScoreLearning  float64 // the same while the host is still learning; half of Score unless said
	Alert          bool    // it raises alerts; one that doesn't only feeds fired(…) in others
	Tests          *Tests  // nil when it has none
	TestFile       string  // beside the rule, with more cases of Tests; empty: none
	Thresholds     []Threshold
	Overrides      []Override // that changed it, the last to win

	// At most one of these is set. Then the rule is a pattern.
	Count    *Count
	Sequence *Sequence
	Path     *Path
	Absent   *Absent

	parts  []Part
	absent When // of an absent rule
}

// IsPattern reports whether the rule fires on what several connections show
// together, or on what is missing.
func (r *Rule) IsPattern() bool {
	return r.Count != nil || r.Sequence != nil || r.Path != nil || r.Absent != nil
}

// Parts returns how many conditions of the rule are evaluated on a change: as many
// as a sequence has steps, none for an absent rule, else one.
func (r *Rule) Parts() int { return len(r.parts) }

// Part returns one of the parts by number; nil when the rule has no such part.
func (r *Rule) Part(number int) *Part {
	if number < 0 || number >= len(r.parts) {
		return nil
	}
	return &r.parts[number]
}

// AbsentCondition is the condition of an absent rule.
func (r *Rule) AbsentCondition() *When { return &r.absent }

// Exception keeps a rule from firing where its condition holds too.
type Exception struct {
	When    string
	Owner   string // who answers for it
	Reason  string
	Expires time.Time // the first instant, in UTC, at which it no longer counts
	File    string    // that it is in: the rule's or an override's
	Line    int

	condition When
}

// Condition is that under which the rule doesn't fire.
func (e *Exception) Condition() *When { return &e.condition }

// Expired reports whether the exception no longer counts at a time.
func (e *Exception) Expired(at time.Time) bool { return !at.Before(e.Expires) }

// rule reads the rule, with what overrides it.
func (d *parsedRule) rule(lang *condition.Language) *Rule {
	r := &Rule{ID: d.id, File: d.Name, Enabled: true, Alert: true}
	d.Require(d.root, d.fields, "a rule", "rule", "title", "severity")
	for _, o := range d.overrides {
		r.Overrides = append(r.Overrides, o.describe())
	}
	thresholds := d.thresholds()
	d.about(r)
	if v := d.setting("severity"); v.n != nil {
		r.Severity = v.s.severity(v.n)
	}
	r.Score = d.score("score", defaultScore(r.Severity))
	r.ScoreLearning = d.score("score_learning", r.Score/2)
	for field, into := range map[string]*bool{"enabled": &r.Enabled, "alert": &r.Alert} {
		if v := d.setting(field); v.n != nil {
			*into, _ = v.s.Bool(v.n, field)
		}
	}
	p := patternReader{source: d.source, language: lang, rule: r, root: d.root, fields: d.fields, Frame: condition.Frame{Thresholds: thresholds.Thresholds}, thresholds: thresholds}
	p.read()
	for _, o := range append([]*parsedRule{d}, d.overrides...) {
		if n := o.fields["unless"]; n != nil {
			r.Unless = append(r.Unless, o.exceptions(n, lang, p.Frame)...)
		}
	}
	r.Thresholds = thresholds.list()
	return r
}

// about reads the texts of a rule.
func (d *parsedRule) about(r *Rule) {
	if n := d.fields["title"]; n != nil {
		r.Title, _ = d.OneLine(n, "title", schema.MaxLine)
	}
	if n := d.fields["attack"]; n != nil {
		r.Attack = d.attack(n)
	}
	if n := d.fields["description"]; n != nil {
		r.Description, _ = d.Text(n, "description")
	}
	if n := d.fields["guide"]; n != nil {
		r.Guide, _ = d.Text(n, "guide")
	}
	if n := d.fields["references"]; n != nil {
		r.References = d.texts(n, "a reference")
	}
	if n := d.fields["false_positives"]; n != nil {
		r.FalsePositives = d.texts(n, "a false positive")
	}
	v := d.setting("tests")
	if v.n != nil {
		r.Tests = v.s.tests(v.n)
	}
	if d.beside != nil && v.s == d.source { // an override's tests replace all
		d.addTests(r)
	}
}

// defaultScore is the score of a rule that doesn't say one.
func defaultScore(severity event.Severity) float64 {
	return map[event.Severity]float64{event.Info: 1, event.Low: 10, event.Medium: 30, event.High: 60, event.Critical: 90}[severity]
}

func (d *parsedRule) score(field string, otherwise float64) float64 {
	v := d.setting(field)
	if v.n == nil {
		return otherwise
	}
	score, ok := v.s.Number(v.n, field)
	if ok && (score < 0 || score > schema.MaxScore) {
		v.s.Errorf(yamlsrc.PlaceOf(v.n), "%s is from 0 to %d, not %s", field, schema.MaxScore, v.n.Value)
	}
	return score
}

// readID reads the id of a rule; empty when it can't be one.
func (s *source) readID(n *yaml.Node, field string) string {
	id, ok := s.Text(n, field)
	if ok && !schema.IsID(id) {
		s.Errorf(yamlsrc.PlaceOf(n), "%q can't be the id of a rule: lower-case letters and digits, with single hyphens between, at most %d characters", yamlsrc.Short(id), schema.MaxID)
		return ""
	}
	return id
}

func (s *source) severity(n *yaml.Node) (severity event.Severity) {
	text, ok := s.Text(n, "severity")
	if !ok || severity.UnmarshalText([]byte(text)) == nil {
		return severity
	}
	var names []string
	for level := event.Info; level <= event.Critical; level++ {
		names = append(names, level.String())
	}
	s.Errorf(yamlsrc.PlaceOf(n), "severity is %s, not %q%s", suggest.OneOf(names), yamlsrc.Short(text), suggest.DidYouMean(text, names))
	return severity
}

func (s *source) attack(n *yaml.Node) []string {
	var ids []string
	entries, _ := s.List(n, "attack")
	for _, entry := range entries {
		id, ok := s.Text(entry, "an ATT&CK technique")
		if ok && !schema.IsTechnique(id) {
			s.Errorf(yamlsrc.PlaceOf(entry), "%q is not the id of an ATT&CK technique, such as T1021 or T1021.002", yamlsrc.Short(id))
			continue
		}
		ids = append(ids, id)
	}
	return ids
}

func (s *source) texts(n *yaml.Node, what string) []string {
	var texts []string
	entries, _ := s.List(n, what)
	for _, entry := range entries {
		if text, ok := s.Text(entry, what); ok {
			texts = append(texts, text)
		}
	}
	return texts
}

func (v setting) forDuration() time.Duration {
	if v.n == nil {
		return 0
	}
	text, ok := v.s.Text(v.n, "for")
	if !ok {
		return 0
	}
	d, err := condition.ParseDuration(text)
	if err == nil && d <= 0 {
		err = fmt.Errorf("for must be longer than 0s, not %s", text)
	}
	if err != nil {
		v.s.Errorf(yamlsrc.PlaceOf(v.n), "%v", err)
		return 0
	}
	return d
}

// condition compiles an expression and reports its errors where they are in
// the file.
func (s *source) condition(n *yaml.Node, field string, lang *condition.Language, in condition.Frame) (string, When) {
	text, ok := s.Text(n, field)
	if !ok {
		return "", When{}
	}
	c, errs := lang.Compile(n.Value, in)
	lang.Share(&c, n.Value, in)
	s.errorsIn(n, field, errs)
	return text, When{c, in, s, n}
}

// errorsIn reports the errors in a field that is an expression.
func (s *source) errorsIn(n *yaml.Node, field string, errs []condition.Error) {
	for _, m := range errs {
		s.Errorf(s.PlaceIn(n, m.Offset), "%s%s", m.Message, s.commentHint(n, field))
	}
}

// commentHint explains an expression that YAML has cut short: in a plain
// scalar, " #" begins a comment.
func (s *source) commentHint(n *yaml.Node, field string) string {
	if n.Style != 0 {
		return ""
	}
	end := s.PlaceIn(n, utf8.RuneCountInString(n.Value)-1)
	if after := yamlsrc.SkipRunes(s.Line(end.Line), end.Column); strings.HasPrefix(strings.TrimSpace(after), "#") {
		return fmt.Sprintf(`; in YAML " #" begins a comment: write the expression below "%s: |"`, field)
	}
	return ""
}

func (s *source) exceptions(n *yaml.Node, lang *condition.Language, in condition.Frame) []*Exception {
	var exceptions []*Exception
	entries, _ := s.List(n, "unless")
	for _, entry := range entries {
		fields := s.Mapping(entry, schema.Exception, schema.Names(schema.Exception))
		if fields == nil {
			continue
		}
		s.Require(entry, fields, schema.Exception, schema.Names(schema.Exception)...)
		e := new(Exception)
		if n := fields["when"]; n != nil {
			e.When, e.condition = s.condition(n, "when", lang, in)
			e.File, e.Line = s.Name, n.Line
		}
		if n := fields["owner"]; n != nil {
			e.Owner, _ = s.OneLine(n, "owner", schema.MaxLine)
		}
		if n := fields["reason"]; n != nil {
			e.Reason, _ = s.Text(n, "reason")
		}
		if n := fields["expires"]; n != nil {
			e.Expires = s.expiry(n)
		}
		exceptions = append(exceptions, e)
	}
	return exceptions
}

// expiry reads the last day on which an exception counts.
func (s *source) expiry(n *yaml.Node) time.Time {
	text, ok := s.Text(n, "expires")
	if !ok {
		return time.Time{}
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		s.Errorf(yamlsrc.PlaceOf(n), "%q is not a day such as 2026-12-31", yamlsrc.Short(text))
		return time.Time{}
	}
	return day.AddDate(0, 0, 1)
}
