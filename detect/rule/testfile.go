package rule

import (
	"path"

	"go.yaml.in/yaml/v3"

	"headstart/detect/rule/schema"
	"headstart/suggest"
	"headstart/yamlsrc"
)

// testFile is a file beside a rule that adds cases to the rule's tests:
// NAME.test.yaml, where NAME is the rule's id.
type testFile struct {
	*source
	tests *yaml.Node // nil: it could not be read
}

// testFiles reads the tests of a layer and hands them to the layer's rules.
func (l *loader) testFiles(n int, layer Layer, names []string, rules map[string]*parsedRule) {
	ids := make([]string, 0, len(rules))
	for id := range rules {
		ids = append(ids, id)
	}
	for _, name := range names {
		f := &testFile{source: newSource(path.Join(layer.Name, name))}
		id, _ := schema.RuleTestedBy(name)
		switch of := rules[id]; {
		case of == nil:
			f.Errorf(yamlsrc.Place{}, "there is no rule %s in this directory; tests are beside their rule, in RULE-ID.test.yaml%s", yamlsrc.Short(id), suggest.DidYouMean(id, ids))
		case of.beside != nil:
			f.Errorf(yamlsrc.Place{}, "the rule %s has more tests in %s already", id, path.Base(of.beside.Name))
		default:
			of.beside = f
			if data, err := readFile(layer.Files, name, MaxFile); err != nil {
				f.Errorf(yamlsrc.Place{}, "%v", err)
			} else {
				l.hash(n, "tests of "+id, data)
				l.keep(n, name, f.source, f.read(data))
			}
			continue // its errors are reported with the rule's
		}
		l.errors = append(l.errors, f.Diagnostics...)
	}
}

func (f *testFile) read(data []byte) *yaml.Node {
	root := f.Parse(data)
	if root == nil {
		return nil
	}
	fields := f.Mapping(root, schema.TestFile, schema.Names(schema.TestFile))
	if fields != nil {
		f.Require(root, fields, schema.TestFile, "tests")
		f.tests = fields["tests"]
	}
	return root
}

// addTests adds the cases of the file beside the rule. They share the hosts and
// the baseline of the rule's own tests; where it has none, the file has them.
func (d *parsedRule) addTests(r *Rule) {
	f := d.beside
	if f.tests == nil {
		return
	}
	r.TestFile = f.Name
	if r.Tests == nil {
		r.Tests = f.source.tests(f.tests)
		return
	}
	fields := f.Mapping(f.tests, schema.Tests, schema.Names(schema.Tests))
	for _, name := range []string{"hosts", "learn", "usual"} {
		if n := fields[name]; n != nil {
			f.Errorf(yamlsrc.PlaceOf(n), "the rule has tests of its own, whose %s these cases share; write only cases here", name)
		}
	}
	if n := fields["cases"]; n != nil {
		r.Tests.Cases = f.cases(n, r.Tests.Cases)
	} else if fields != nil {
		f.Require(f.tests, fields, "tests", "cases")
	}
}
