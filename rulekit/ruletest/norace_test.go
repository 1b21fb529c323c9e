//go:build !race

package ruletest_test

const underRace = false
