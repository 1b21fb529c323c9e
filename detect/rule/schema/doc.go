// Package schema says what files of rules can contain: their names, the fields
// of each kind of mapping, limits and patterns. The loader, the formatter, the
// JSON Schema for editors and the reference page are made from it, so they agree.
package schema
