package lint

import (
	"net/netip"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"headstart/detect/rule"
	"headstart/detect/rule/condition"
	"headstart/yamlsrc"
)

// Report is all that is wrong with layers of rules, and all that deserves a
// look.
type Report struct {
	Set      *rule.Set           // nil when there are errors
	Errors   yamlsrc.Diagnostics // with which nothing is active
	Warnings yamlsrc.Diagnostics // each with its code
	Rules    int                 // files with a rule, overridden ones included
}

// Check loads layers and looks for what can be loaded and is hardly meant. now
// is when exceptions are taken to expire. Where there are errors, the files
// that have them are ignored any further, and what is known only of all
// files together isn't either.
func Check(layers []rule.Layer, internal []netip.Prefix, now time.Time) Report {
	files, set, errs := rule.LoadFiles(layers, internal)
	report := Report{Set: set, Errors: errs}
	l := newLinter(set, errs, now)
	l.read(files)
	l.look()
	report.Warnings = l.warnings()
	report.Rules = len(l.rules)
	return report
}

// Lint is something that [Check] warns of.
type Code struct{ Code, Doc string }

// Lints are all that Check warns of.
func Codes() []Code {
	return []Code{
		{neverFires, "the condition can't hold, whatever a connection is like: parts of it exclude each other, or a list that it needs is empty"},
		{firesOnEverything, "the condition holds for every connection"},
		{forAfterEnd, "the rule waits with `for` while a connection is open, and its condition needs one that has ended"},
		{attemptTooOld, "the rule needs an attempt older than Linux allows"},
		{exceptionNeverHolds, "the exception can't hold where the rule's condition does"},
		{exceptionHidesAll, "the exception holds wherever the rule's condition does: disable the rule instead"},
		{exceptionExpired, "the exception has expired: it has no effect"},
		{exceptionExpiresSoon, "the exception expires within seven days"},
		{noDescription, "the rule has no description"},
		{noGuide, "the rule has no guide for the analyst"},
		{noAttack, "the rule names no ATT&CK technique"},
		{noTests, "the rule has no tests"},
		{unusedList, "no rule uses the list"},
		{unusedMacro, "no rule uses the macro"},
		{unusedThreshold, "nothing in the rule uses the threshold"},
		{overrideChangesNothing, "the override sets a value that is already set"},
		{overrideWithoutEffect, "a later directory replaces the rule that is overridden"},
		{similarID, "the id is one letter off that of a rule in a layer below: probably it was meant to replace it"},
		{firedDisabled, "the condition uses alerts of a disabled rule: there are none"},
		{blockUnused, "the rule raises no alert and no other rule uses it: it has no effect"},
	}
}

// The codes of warnings. They are stable: users look them up, and programs
// filter by them.
const (
	neverFires             = "never-fires"
	firesOnEverything      = "fires-on-everything"
	forAfterEnd            = "for-after-end"
	attemptTooOld          = "attempt-too-old"
	exceptionNeverHolds    = "exception-never-holds"
	exceptionHidesAll      = "exception-hides-all"
	exceptionExpired       = "exception-expired"
	exceptionExpiresSoon   = "exception-expires-soon"
	noDescription          = "no-description"
	noGuide                = "no-guide"
	noAttack               = "no-attack"
	noTests                = "no-tests"
	unusedList             = "unused-list"
	unusedMacro            = "unused-macro"
	unusedThreshold        = "unused-threshold"
	overrideChangesNothing = "override-changes-nothing"
	overrideWithoutEffect  = "override-without-effect"
	similarID              = "similar-id"
	firedDisabled          = "fired-of-disabled-rule"
	blockUnused            = "building-block-unused"
)

// linter looks at the files of layers.
type linter struct {
	set       *rule.Set // nil when there are errors
	now       time.Time
	rules     []*checked          // by layer and name; of the same id, the last is active
	overrides []*checked          // by layer and name
	byID      map[string]*checked // active
	others    []*checked          // lists and macros
	broken    map[string]bool     // files that have errors
	reasoner  condition.Reasoner
}

// looked is a file without errors, and is looked at.
type checked struct {
	*yamlsrc.File
	layer int
	name  string // without the layer's
	id    string // of the rule, or of the one that is overridden
	root  *yaml.Node

	tested bool // a file beside it has tests of it
}

// warn adds a warning at a node.
func (f *checked) warn(code string, n *yaml.Node, format string, args ...any) {
	f.warnAt(code, yamlsrc.PlaceOf(n), format, args...)
}

func (f *checked) warnAt(code string, at yamlsrc.Place, format string, args ...any) {
	f.Errorf(at, format, args...)
	f.Diagnostics[len(f.Diagnostics)-1].Code = code
}

// isActive reports whether the rule of a file is not replaced by a later one.
func (l *linter) isActive(f *checked) bool { return l.byID[f.id] == f }

func (l *linter) look() {
	for _, f := range l.rules {
		if !l.isActive(f) {
			continue
		}
		l.conditions(f)
		l.texts(f)
		l.thresholds(f)
	}
	for _, f := range slices.Concat(l.rules, l.overrides) {
		l.exceptions(f)
	}
	for _, f := range l.overrides {
		l.override(f)
	}
	if l.set == nil {
		return
	}
	l.unused()
	l.similar()
	l.everything()
}

func (l *linter) warnings() yamlsrc.Diagnostics {
	var all yamlsrc.Diagnostics
	for _, f := range slices.Concat(l.rules, l.overrides, l.others) {
		all = append(all, f.Diagnostics...)
	}
	if l.set != nil {
		for _, w := range l.set.Warnings {
			coded := *w
			coded.Code = overrideWithoutEffect
			all = append(all, &coded)
		}
	}
	all.Sort()
	return all
}
