package rule_test

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"headstart/detect/rule"
	"headstart/detect/rule/format"
	"headstart/detect/rule/lint"
)

const (
	ownTests  = "tests:\n  hosts: |\n    a 10.0.0.1 reports\n  cases:\n    - {name: one, connections: '14:30:00 a -> 10.0.0.2:22', alerts: never a-rule}\n"
	moreCases = "tests:\n  cases:\n    - {name: two, connections: '14:30:00 a -> 10.0.0.2:23', alerts: never a-rule}\n"
)

func testedLayer(own string, files map[string]string) rule.Layer {
	layer := fstest.MapFS{"any.yaml": {Data: []byte(header + "when: conn.open\n" + own)}}
	for name, text := range files {
		layer[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return rule.Layer{Name: "d", Files: layer}
}

func TestCasesBesideARule(t *testing.T) {
	for _, tt := range []struct {
		name, own string
		files     map[string]string
		cases     string // their names
		file      string // of the last
	}{
		{"none", ownTests, nil, "one", "d/any.yaml"},
		{"more", ownTests, map[string]string{"a-rule.test.yaml": moreCases}, "one two", "d/a-rule.test.yaml"},
		{"all of them", "", map[string]string{"a-rule.test.yml": ownTests}, "one", "d/a-rule.test.yml"},
		{"replaced by an override", ownTests, map[string]string{
			"a-rule.test.yaml": moreCases, "o.yaml": "override: a-rule\n" + strings.ReplaceAll(ownTests, "name: one", "name: three")}, "three", "d/o.yaml"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			set, err := rule.LoadLayers([]rule.Layer{testedLayer(tt.own, tt.files)}, nil)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			tests := set.Rules[0].Tests
			for _, c := range tests.Cases {
				names = append(names, c.Name)
			}
			if got := strings.Join(names, " "); got != tt.cases {
				t.Errorf("cases %s, want %s", got, tt.cases)
			}
			last := tests.Cases[len(tests.Cases)-1]
			if last.File != tt.file || last.Connections[0].File != tt.file || len(tests.Hosts) != 1 {
				t.Errorf("the last case is of %s, its line of %s, want %s; hosts: %v", last.File, last.Connections[0].File, tt.file, tests.Hosts)
			}
		})
	}
}

func TestMistakesInAFileOfTests(t *testing.T) {
	for _, tt := range []struct {
		name, own, file, text, want string
	}{
		{"of no rule", ownTests, "a-rul.test.yaml", moreCases, "d/a-rul.test.yaml: there is no rule a-rul in this directory; tests are beside their rule, in RULE-ID.test.yaml; did you mean a-rule?"},
		{"hosts twice", ownTests, "a-rule.test.yaml", strings.ReplaceAll(ownTests, "one", "two"),
			"d/a-rule.test.yaml:2:10: the rule has tests of its own, whose hosts these cases share; write only cases here"},
		{"a name twice", ownTests, "a-rule.test.yaml", strings.ReplaceAll(moreCases, "two", "one"), `d/a-rule.test.yaml:3:7: there is a case "one" already, at d/any.yaml:9`},
		{"no cases", ownTests, "a-rule.test.yaml", "tests: {}\n", `d/a-rule.test.yaml:1:8: tests needs the field "cases"`},
		{"no hosts", "", "a-rule.test.yaml", moreCases, `d/a-rule.test.yaml:2:3: tests needs the field "hosts"`},
		{"an unknown field", ownTests, "a-rule.test.yaml", "test: {}\n", `d/a-rule.test.yaml:1:1: a file of tests has no field "test"; did you mean tests?`},
		{"nothing", ownTests, "a-rule.test.yaml", "", "d/a-rule.test.yaml:1:1: the file is empty"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := rule.LoadLayers([]rule.Layer{testedLayer(tt.own, map[string]string{tt.file: tt.text})}, nil)
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("%v\nwant %s", err, tt.want)
			}
		})
	}
	_, err := rule.LoadLayers([]rule.Layer{testedLayer(ownTests, map[string]string{"a-rule.test.yaml": moreCases, "a-rule.test.yml": moreCases})}, nil)
	if err == nil || !strings.Contains(err.Error(), "the rule a-rule has more tests in a-rule.test.yaml already") {
		t.Error(err)
	}
}

func TestAFileOfTestsIsCheckedAndFormatted(t *testing.T) {
	layer := testedLayer("", map[string]string{"a-rule.test.yaml": ownTests})
	for _, w := range lint.Check([]rule.Layer{layer}, nil, time.Now()).Warnings {
		if w.Code == "no-tests" {
			t.Error(w)
		}
	}
	got, err := format.File("a-rule.test.yaml", []byte("tests:\n  cases:\n    - alerts: never a-rule\n      name: two\n      connections: |\n          14:30:00  a ->   10.0.0.2:23\n"))
	const want = "tests:\n  cases:\n    - name: two\n      connections: |\n        14:30:00 a -> 10.0.0.2:23\n      alerts: |\n        never a-rule\n"
	if err != nil || string(got) != want {
		t.Errorf("%v\n%s", err, got)
	}
}
