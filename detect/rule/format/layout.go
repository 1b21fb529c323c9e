package format

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"headstart/detect/rule/schema"
	"headstart/yamlsrc"
)

// formatter writes a file.
type formatter struct {
	*yamlsrc.File
	kind     fileKind
	out      bytes.Buffer
	comments map[*yaml.Node]*comments
	head     []string // comments of the file
	foot     []string // below everything
	err      error
}

func (f *formatter) header() {
	for _, line := range f.head {
		f.out.WriteString(line + "\n")
	}
	if len(f.head) > 0 && !strings.HasPrefix(f.head[len(f.head)-1], "# yaml-language-server:") {
		f.out.WriteByte('\n')
	}
}

func (f *formatter) footer() {
	if len(f.foot) > 0 {
		f.out.WriteByte('\n')
	}
	for _, line := range f.foot {
		f.out.WriteString(line + "\n")
	}
}

// fieldOrder is the order of the fields of a mapping, by the field that holds
// it. Fields that aren't in it come last, as they are.
func (f *formatter) fieldOrder(at []string) []string {
	if len(at) == 0 {
		switch f.kind {
		case aRule:
			return schema.Names(schema.Rule)
		case anOverride:
			return schema.Names(schema.Override)
		case someLists:
			return append(schema.ListKinds(), schema.AddKey)
		case someTests:
			return schema.Names(schema.TestFile)
		}
		return nil
	}
	if f.kind == someLists || f.kind == someMacros {
		return nil
	}
	within := map[string]string{"steps": schema.Step, "unless": schema.Exception, "cases": schema.Case}
	if in := within[named(at)]; in != "" {
		return schema.Names(in)
	}
	return schema.Names(named(at))
}

func (f *formatter) pad(indent int) { f.out.WriteString(strings.Repeat(" ", indent)) }

func (f *formatter) mapping(n *yaml.Node, indent int, at []string) {
	order := f.fieldOrder(at)
	type pair struct{ key, value *yaml.Node }
	var pairs []pair
	for i := 0; i+1 < len(n.Content); i += 2 {
		pairs = append(pairs, pair{n.Content[i], n.Content[i+1]})
	}
	if order != nil {
		rank := func(p pair) int {
			if i := slices.Index(order, p.key.Value); i >= 0 {
				return i
			}
			return len(order)
		}
		slices.SortStableFunc(pairs, func(a, b pair) int { return rank(a) - rank(b) })
	}
	for i, p := range pairs {
		r := f.comments[p.key]
		if r == nil {
			r = new(comments) // of a mapping that was on one line
		}
		f.above(r, indent, f.out.Len() > 0 && (i > 0 || indent == 0))
		if i > 0 || len(at) == 0 || !f.afterDash(indent) {
			f.pad(indent)
		}
		f.out.WriteString(f.key(p.key) + ":")
		f.value(p.value, indent, append(at[:len(at):len(at)], p.key.Value), r)
		f.below(r, indent)
	}
}

// afterDash reports whether the output stands behind "- ", where the first
// field of an entry begins.
func (f *formatter) afterDash(indent int) bool {
	b := f.out.Bytes()
	return len(b) > 0 && b[len(b)-1] != '\n'
}

func (f *formatter) above(r *comments, indent int, mayBlank bool) {
	if f.afterDash(indent) {
		return // the entry's, which it begins with
	}
	if r.blank && mayBlank {
		f.out.WriteByte('\n')
	}
	for _, line := range r.above {
		f.pad(indent)
		f.out.WriteString(line + "\n")
	}
}

func (f *formatter) below(r *comments, indent int) {
	for _, line := range r.below {
		f.pad(indent + 2)
		f.out.WriteString(line + "\n")
	}
}

func (f *formatter) key(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode {
		f.err = fmt.Errorf("a field that is no word, in line %d", n.Line)
		return "?"
	}
	return scalar(n)
}

// value writes what stands behind "field:", with the rest of the line.
func (f *formatter) value(n *yaml.Node, indent int, at []string, r *comments) {
	after := ""
	if r.after != "" {
		after = "  " + r.after
	}
	switch n.Kind {
	case yaml.MappingNode:
		if len(n.Content) == 0 {
			f.out.WriteString(" {}" + after + "\n")
			return
		}
		if line, ok := f.flow(n, len(f.lastLine())); ok && n.Style&yaml.FlowStyle != 0 && named(at) == "thresholds" {
			f.out.WriteString(" " + line + after + "\n")
			return
		}
		f.out.WriteString(after + "\n")
		f.mapping(n, indent+2, at)
	case yaml.SequenceNode:
		f.sequence(n, indent, at, after)
	case yaml.ScalarNode:
		f.scalarValue(n, indent, at, after)
	default:
		f.err = fmt.Errorf("what is in line %d", n.Line)
	}
}

func (f *formatter) sequence(n *yaml.Node, indent int, at []string, after string) {
	if line, ok := f.flow(n, len(f.lastLine())); ok && (n.Style&yaml.FlowStyle != 0 || len(n.Content) == 0) {
		f.out.WriteString(" " + line + after + "\n")
		return
	}
	f.out.WriteString(after + "\n")
	for i, one := range n.Content {
		r := f.comments[one]
		if r == nil {
			r = new(comments)
		}
		f.above(r, indent+2, i > 0)
		f.pad(indent + 2)
		f.out.WriteByte('-')
		at := append(at[:len(at):len(at)], strconv.Itoa(i+1))
		if one.Kind == yaml.MappingNode && len(one.Content) > 0 {
			if r.after != "" {
				r.below, r.after = append([]string{r.after}, r.below...), ""
			}
			f.out.WriteByte(' ')
			f.mapping(one, indent+4, at)
		} else {
			f.value(one, indent+2, at, r)
		}
		f.below(r, indent+2)
	}
}

func (f *formatter) lastLine() string {
	text := f.out.String()
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// flow writes a list or a mapping of single values on one line, if that has room
// for it and it has no comments.
func (f *formatter) flow(n *yaml.Node, column int) (string, bool) {
	var parts []string
	for i, one := range n.Content {
		if one.Kind != yaml.ScalarNode || f.hasComments(one) || strings.Contains(one.Value, "\n") {
			return "", false
		}
		text := inFlow(one)
		if n.Kind == yaml.MappingNode && i%2 == 1 {
			parts[len(parts)-1] += ": " + text
			continue
		}
		parts = append(parts, text)
	}
	line := "[" + strings.Join(parts, ", ") + "]"
	if n.Kind == yaml.MappingNode {
		line = "{" + strings.Join(parts, ", ") + "}"
	}
	return line, column+1+utf8.RuneCountInString(line) <= wideList
}

func (f *formatter) hasComments(n *yaml.Node) bool {
	r := f.comments[n]
	return r != nil && (r.after != "" || len(r.above)+len(r.below) > 0)
}

func (f *formatter) scalarValue(n *yaml.Node, indent int, at []string, after string) {
	isMacro := f.kind == someMacros && len(at) == 1
	isRule := f.kind == aRule || f.kind == anOverride || f.kind == someTests
	var lines []string
	switch {
	case n.Tag == "!!null" && n.Value == "":
		f.out.WriteString(after + "\n")
		return
	case isRule && isTable(at):
		lines = tableLines(n.Value, named(at))
	case isMacro || isRule && isExpression(at):
		lines = expressionLines(n.Value, wide-indent-2)
		if len(lines) == 1 {
			if text := lines[0]; asPlain(text, n.Tag) == text && len(f.lastLine())+1+utf8.RuneCountInString(text) <= wide && n.Style&yaml.LiteralStyle == 0 {
				f.out.WriteString(" " + text + after + "\n")
				return
			}
		}
	case strings.Contains(strings.TrimSpace(n.Value), "\n") || n.Style&yaml.LiteralStyle != 0:
		lines = plainLines(n.Value)
	default:
		f.words(n, indent, after)
		return
	}
	f.block(lines, indent, after)
}

func (f *formatter) block(lines []string, indent int, after string) {
	if len(lines) == 0 {
		f.out.WriteString(` ""` + after + "\n")
		return
	}
	f.out.WriteString(" |" + after + "\n")
	for _, line := range lines {
		if line != "" {
			f.pad(indent + 2)
		}
		f.out.WriteString(line + "\n")
	}
}

// words writes a text of one line, over several where it is too long.
func (f *formatter) words(n *yaml.Node, indent int, after string) {
	text := scalar(n)
	if column := len(f.lastLine()); n.Tag != "!!str" || column+1+utf8.RuneCountInString(text) <= wide || strings.Contains(n.Value, "  ") || !strings.Contains(n.Value, " ") || after != "" {
		f.out.WriteString(" " + text + after + "\n")
		return
	}
	lines := wrapped(strings.Fields(text), len(f.lastLine())+1, indent+2)
	if text != strings.TrimSpace(n.Value) || slices.ContainsFunc(lines[1:], func(line string) bool { return line[0] == '#' }) {
		f.out.WriteString(" >-\n")
		f.pad(indent + 2)
		lines = wrapped(strings.Fields(n.Value), indent+2, indent+2)
	} else {
		f.out.WriteByte(' ')
	}
	for i, line := range lines {
		if i > 0 {
			f.pad(indent + 2)
		}
		f.out.WriteString(line + "\n")
	}
}

// wrapped puts words into lines that begin at a column, the first at its own.
func wrapped(words []string, first, others int) []string {
	lines, at := []string{words[0]}, first+utf8.RuneCountInString(words[0])
	for _, word := range words[1:] {
		width := utf8.RuneCountInString(word)
		if at+1+width > wide {
			lines, at = append(lines, word), others+width
			continue
		}
		lines[len(lines)-1] += " " + word
		at += 1 + width
	}
	return lines
}

// scalar is a single value as it is written best: without quotes where that
// says the same.
func scalar(n *yaml.Node) string {
	if n.Tag != "!!str" {
		return n.Value
	}
	return asPlain(strings.TrimRight(n.Value, " \n"), n.Tag)
}

// portRange looks like a number to some who read it, and is text.
var portRange = regexp.MustCompile(`^[0-9]+ *- *[0-9]+$`)

func asPlain(text, tag string) string {
	if reads(text, text, tag) && !portRange.MatchString(text) {
		return text
	}
	return quote(text)
}

// quote writes a text in quotes.
func quote(text string) string {
	if !strings.ContainsAny(text, "\\\"\n\t") {
		return `"` + text + `"`
	}
	if !strings.ContainsAny(text, "\n\t") {
		return "'" + strings.ReplaceAll(text, "'", "''") + "'"
	}
	return strconv.Quote(text)
}

// reads reports whether YAML reads some text behind "field:" as a value.
func reads(written, value, tag string) bool {
	var document yaml.Node
	if strings.Contains(written, "\n") || yaml.Unmarshal([]byte("k: "+written+"\n"), &document) != nil {
		return false
	}
	root := document.Content[0]
	if root.Kind != yaml.MappingNode || len(root.Content) != 2 || root.HeadComment+root.FootComment+root.LineComment != "" {
		return false
	}
	n := root.Content[1]
	return n.Kind == yaml.ScalarNode && n.Tag == tag && n.Value == value && n.LineComment+n.FootComment+n.HeadComment == "" && n.Anchor == "" && n.Style&yaml.TaggedStyle == 0
}

// inFlow is a single value as it stands within brackets.
func inFlow(n *yaml.Node) string {
	text := scalar(n)
	if n.Tag == "!!str" && strings.ContainsAny(n.Value, ",[]{}") && !strings.HasPrefix(text, `"`) && !strings.HasPrefix(text, "'") {
		return quote(n.Value)
	}
	if n.Tag == "!!str" && n.Value == "" {
		return `""`
	}
	return text
}
