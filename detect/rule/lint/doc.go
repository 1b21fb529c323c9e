// Package lint finds what can be loaded and is hardly meant: conditions that
// never or always hold, exceptions without effect, unused lists, missing texts.
//
// It reports a condition only when it is certain, so it doesn't find all of
// them. Each warning has a stable code, see [Codes]. It is pure: the time at
// which exceptions expire is an argument.
package lint
