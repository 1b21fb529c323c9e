//go:build !race

package trial_test

const oneOf = 1
