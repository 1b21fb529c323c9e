// Package explain shows why a part of a rule holds for an observation, or
// doesn't: it takes the condition apart and evaluates each term by itself.
//
// It guarantees that what it says of a part as a whole is what a
// [rule.Evaluator] says, and that the terms add up to it. It is pure.
package explain
