// Package yamlsrc reads YAML files strictly and reports every error in a file
// with its place: file, line, column, the line, and a caret under it.
//
// It guarantees that a file is one plain document (no anchor, alias, tag or
// tab), that unknown and repeated fields are reported, that the place of a
// character within a scalar is exact whatever the scalar's style, and that at
// most a hundred errors of a file are kept. It is pure.
package yamlsrc
