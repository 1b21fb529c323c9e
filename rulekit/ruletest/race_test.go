//go:build race

package ruletest_test

// oneOf says which part of the mutants is tried: the race detector makes each
// five times slower. make test tries them all without it.
const oneOf = 8
