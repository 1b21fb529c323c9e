// Package format writes files of rules in one layout: fields in one order, long
// conditions a line for each and and or, tables of tests aligned.
//
// It guarantees that comments stay with what they stand above or beside, that
// the result means what the file meant, and that formatting twice changes
// nothing. Where that can't be had, the file is rejected. It is pure.
package format
