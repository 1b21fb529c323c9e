// Package condition is the language of conditions: expressions in expr
// (github.com/expr-lang/expr) over a small, documented environment ([Env]).
//
// A [Language] compiles texts to conditions and values, or reports every error
// in a text with its offset; [Reference] and [Functions] list what expressions
// can use. A [Machine] evaluates them. A [Guard] is what a change must have for
// a condition to hold, found without evaluating it, and a [Reasoner] finds
// conditions that never or always hold.
//
// What others rely on:
//
//   - An expression has limits, no loop whose length it decides, no I/O and no
//     clock, so the cost of an evaluation has a bound.
//   - The baseline is looked up at most once per observation, and only when all
//     else that a condition needs holds.
//   - A condition that lacks nothing but the age of a connection says how much
//     is missing.
//   - Nothing panics: an evaluation that fails returns an error.
//
// Compiled conditions are immutable and safe for concurrent use; a machine
// belongs to one goroutine. The package knows nothing of rules and files.
package condition
