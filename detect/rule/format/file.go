package format

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"headstart/detect/rule/schema"
	"headstart/yamlsrc"
)

// File returns a file of a directory of rules in the layout that all have. name
// is the file's, without the directory's: lists, macros and tests have other
// fields than rules. The error is of type [yamlsrc.Diagnostics].
func File(name string, data []byte) ([]byte, error) {
	s := yamlsrc.New(name, schema.Dialect())
	root := s.Parse(data)
	if root == nil {
		return nil, s.Diagnostics
	}
	if root.Kind != yaml.MappingNode {
		s.Errorf(yamlsrc.PlaceOf(root), "this is %s; a file of rules is lines of \"field: value\"", yamlsrc.KindOf(root))
		return nil, s.Diagnostics
	}
	formatted, err := layOut(s, root, kindOfFile(name, root))
	if err == nil {
		err = keeps(s, root, name, formatted)
	}
	if err != nil {
		return nil, yamlsrc.Diagnostics{{File: name, Message: fmt.Sprintf("can't be formatted, and stays as it is: %v", err)}}
	}
	return formatted, nil
}

// fileKind is what a file holds.
type fileKind uint8

const (
	aRule fileKind = iota
	anOverride
	someLists
	someMacros
	someTests
)

func kindOfFile(name string, root *yaml.Node) fileKind {
	_, isTest := schema.RuleTestedBy(name)
	switch {
	case isTest:
		return someTests
	case name == schema.ListsFile:
		return someLists
	case name == schema.MacrosFile:
		return someMacros
	case yamlsrc.Field(root, "override") != nil && yamlsrc.Field(root, "rule") == nil:
		return anOverride
	}
	return aRule
}

func layOut(s *yamlsrc.File, root *yaml.Node, kind fileKind) ([]byte, error) {
	f := formatter{File: s, kind: kind}
	f.collect(root)
	f.header()
	f.mapping(root, 0, nil)
	f.footer()
	return f.out.Bytes(), f.err
}

// keeps reports, as an error, what a formatted file doesn't say as before.
func keeps(s *yamlsrc.File, root *yaml.Node, name string, formatted []byte) error {
	after := yamlsrc.New(name, schema.Dialect())
	again := after.Parse(formatted)
	if again == nil {
		return fmt.Errorf("the result would not be YAML: %s", after.Diagnostics[0].Message)
	}
	var at []string
	if name == schema.MacrosFile {
		at = []string{schema.MacroGroup}
	}
	if err := same(root, again, at); err != nil {
		return err
	}
	before, now := commentTexts(s, root), commentTexts(after, again)
	slices.Sort(before)
	slices.Sort(now)
	if !slices.Equal(before, now) {
		return fmt.Errorf("a comment would be lost; write it on a line of its own")
	}
	twice, err := layOut(after, again, kindOfFile(name, again))
	if err != nil {
		return err
	}
	if !bytes.Equal(twice, formatted) {
		return fmt.Errorf("it would look different each time")
	}
	return nil
}

// same compares what two files say. Where the fields of a mapping stand, and
// the space in expressions, tables and at the ends of lines, says nothing.
func same(a, b *yaml.Node, at []string) error {
	where := strings.Join(at, ".")
	if a.Kind != b.Kind {
		return fmt.Errorf("%s would become %s", where, yamlsrc.KindOf(b))
	}
	switch a.Kind {
	case yaml.MappingNode:
		return sameMapping(a, b, at)
	case yaml.SequenceNode:
		if len(a.Content) != len(b.Content) {
			return fmt.Errorf("%s would have %d entries", where, len(b.Content))
		}
		for i := range a.Content {
			if err := same(a.Content[i], b.Content[i], append(at[:len(at):len(at)], fmt.Sprint(i+1))); err != nil {
				return err
			}
		}
		return nil
	}
	if a.Tag != b.Tag || inEssence(a.Value, at) != inEssence(b.Value, at) {
		return fmt.Errorf("%s would change", where)
	}
	return nil
}

func sameMapping(a, b *yaml.Node, at []string) error {
	if len(a.Content) != len(b.Content) {
		return fmt.Errorf("%s would have %d fields", strings.Join(at, "."), len(b.Content)/2)
	}
	// Repeated fields, which are an error, keep their order.
	taken := make([]bool, len(b.Content))
	for i := 0; i+1 < len(a.Content); i += 2 {
		found := false
		for j := 0; j+1 < len(b.Content) && !found; j += 2 {
			if found = !taken[j] && a.Content[i].Value == b.Content[j].Value; found {
				taken[j] = true
				if err := same(a.Content[i+1], b.Content[j+1], append(at[:len(at):len(at)], a.Content[i].Value)); err != nil {
					return err
				}
			}
		}
		if !found {
			return fmt.Errorf("%s would be lost", strings.Join(append(at, a.Content[i].Value), "."))
		}
	}
	return nil
}

// inEssence is a value without what formatting may change in it.
func inEssence(text string, at []string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	switch text = strings.Join(lines, "\n"); {
	case isTable(at):
		for i, line := range lines {
			lines[i] = strings.Join(strings.Fields(line), " ")
		}
		return strings.Join(slices.DeleteFunc(lines, func(line string) bool { return line == "" }), "\n")
	case isExpression(at):
		return withoutSpace(text)
	}
	return text
}

// named is the field that a path of fields and numbers leads to.
func named(at []string) string {
	for i := len(at) - 1; i >= 0; i-- {
		if strings.Trim(at[i], "0123456789") != "" {
			return at[i]
		}
	}
	return ""
}

func isTable(at []string) bool {
	return len(at) > 1 && at[0] == "tests" && slices.Contains([]string{"hosts", "usual", "connections", "alerts"}, named(at))
}

func isExpression(at []string) bool {
	return len(at) > 0 && at[0] == schema.MacroGroup || len(at) > 0 && at[0] != "tests" && slices.Contains([]string{"when", "by", "of", "sum"}, named(at)) && !isMissing(at)
}

// isMissing: the of of absent is a word.
func isMissing(at []string) bool { return at[0] == "absent" && named(at) == "of" }
