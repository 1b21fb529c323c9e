//go:build race

package ruletest_test

// underRace says that the race detector is on, which makes each mutant five
// times slower: make test evaluates all of them without it.
const underRace = true
