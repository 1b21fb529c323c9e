// Package rule is the language in which analysts say which connections are
// worth an alert, alone or together: YAML files, one rule each, with conditions
// written in expr (github.com/expr-lang/expr) over a small, documented
// environment ([Env]).
//
// [Load] compiles a directory of rules into a [Set], or reports every mistake
// in all of its files at once ([Errors]); there is no half-loaded set. An
// [Evaluator] then says of each change of a connection which rules hold. What
// the service around it relies on:
//
//   - A rule is evaluated whenever something becomes known about a connection,
//     whatever the kind of the change. That a rule fires only once on a
//     connection is the caller's to remember.
//   - A rule that is a pattern ([Rule.IsPattern]) is evaluated on one connection at
//     a time like any other, a sequence step by step ([Rule.Parts]). That it
//     fires means that the connection is a match, and the [Result] says what
//     the match is known by. Putting matches together is package pattern's.
//   - A rule with a duration ([Rule.For]) holds only while the connection is
//     open, attempted or listened on, and fires when the lower bound of its age
//     reaches the duration. A condition that needs an age (conn.age.min >
//     …) may hold later without a change. Of both, a [Result] says how much is
//     missing, and [Evaluator.EvaluateRule] evaluates it again.
//   - The baseline is looked up at most once an observation, and only when
//     all that a condition needs besides holds.
//   - Exceptions are evaluated after the condition held. One that holds suppresses
//     the rule and is reported; one that has expired, in event time, does
//     nothing.
//   - A rule whose evaluation fails doesn't fire, and the failure is reported
//     with the rule. Nothing panics.
//
// A set is immutable and safe for concurrent use; an evaluator belongs to one
// goroutine. Rules are input like any other: files, expressions and lists have
// limits, and the language has no loop whose length a rule decides, no I/O and
// no clock, so the cost of a rule has a bound that its author can't move.
//
// docs/rule-language.md is the reference for authors of rules.
package rule
