//go:build !race

package ruletest_test

const oneOf = 1
