// Package rule loads rules: YAML files, one rule each, that say which
// connections are worth an alert, alone or together. Their conditions are
// expressions of package condition.
//
// [LoadLayers] compiles directories of rules into a [Set], or reports every
// error in all of their files ([yamlsrc.Diagnostics]); there is no half-loaded
// set. An [Evaluator] reports for each change of a connection which rules hold.
// What callers rely on:
//
//   - A rule is evaluated whenever something becomes known about a connection,
//     whatever the kind of the change. The caller remembers that a rule fires
//     once per connection.
//   - A rule that is a pattern ([Rule.IsPattern]) is evaluated on one connection
//     at a time like any other, a sequence step by step ([Rule.Parts]). That it
//     fires means that the connection is a match; the [Result] has the key of
//     the match. Package pattern combines matches.
//   - A rule with a duration ([Rule.For]) holds only while the connection is
//     open, attempted or listened on, and fires when the lower bound of its age
//     reaches the duration. A condition on the age (conn.age.min > …) may hold
//     later without a change. For both, a [Result] has the missing time, and
//     [Evaluator.EvaluateRule] evaluates the rule again.
//   - Exceptions are evaluated after the condition held. One that holds
//     suppresses the rule and is reported; an expired one, in event time, has no
//     effect.
//   - A rule whose evaluation fails doesn't fire; the failure is reported with
//     the rule. Nothing panics.
//
// A set is immutable and safe for concurrent use; an evaluator belongs to one
// goroutine. Files, expressions and lists have limits, so the cost of a rule has
// a bound that its author can't move.
//
// The subpackages, from the bottom: schema (fields and limits), condition, then
// lint, format and explain on top of this one. docs/rule-language.md is the
// reference for authors of rules.
package rule
