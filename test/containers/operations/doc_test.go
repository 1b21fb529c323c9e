// Package operations_test holds docs/operations.md, and the files in deploy/
// that it hands out, to what the programs do: its commands run, its tables list
// what is there, its configurations do what it says of them.
package operations_test
