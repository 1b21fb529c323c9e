package rule_test

import (
	"errors"
	"io/fs"
	"maps"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"headstart/detect/rule"
	"headstart/event"
	"headstart/yamlsrc"
)

const wholeRule = `# Why: …
rule: smb-from-web
title: Web server connects to a file share
severity: critical
attack: [T1021.002, T1135]
description: |
  What it finds.

  What it assumes.
guide: Look at the process.
when: |
  conn.port == 445
  and host in roles.web
for: 1m30s
unless:
  - when: conn.peer == "10.1.5.10"
    owner: storage@example.com
    reason: mounts the share on purpose
    expires: 2026-12-31
enabled: false
`

func TestLoadReadsEveryField(t *testing.T) {
	set, err := load(wholeRule)
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Rules) != 1 {
		t.Fatalf("%d rules", len(set.Rules))
	}
	got := *set.Rules[0]
	if len(got.Unless) != 1 {
		t.Fatalf("%d exceptions", len(got.Unless))
	}
	exception := got.Unless[0]
	if exception.When != `conn.peer == "10.1.5.10"` || exception.Owner != "storage@example.com" ||
		exception.Reason != "mounts the share on purpose" || !exception.Expires.Equal(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("exception %+v", exception)
	}
	for _, check := range []struct {
		field     string
		got, want any
	}{
		{"ID", got.ID, "smb-from-web"},
		{"Title", got.Title, "Web server connects to a file share"},
		{"Severity", got.Severity, event.Critical},
		{"Attack", got.Attack, []string{"T1021.002", "T1135"}},
		{"Description", got.Description, "What it finds.\n\nWhat it assumes."},
		{"Guide", got.Guide, "Look at the process."},
		{"When", got.When, "conn.port == 445\nand host in roles.web"},
		{"For", got.For, 90 * time.Second},
		{"Enabled", got.Enabled, false},
		{"File", got.File, "rules/a.yaml"},
	} {
		if !reflect.DeepEqual(check.got, check.want) {
			t.Errorf("%s is %q, want %q", check.field, check.got, check.want)
		}
	}
}

func ruleFile(id, when string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte("rule: " + id + "\ntitle: T\nseverity: low\nwhen: " + when + "\n")}
}

func ids(set *rule.Set) string {
	var all []string
	for _, r := range set.Rules {
		all = append(all, r.ID)
	}
	return strings.Join(all, " ")
}

func TestLoadTakesTheYAMLFilesOfTheDirectory(t *testing.T) {
	set, err := rule.Load(fstest.MapFS{
		"z.yaml":            ruleFile("a", "conn.open"),
		"b.yml":             ruleFile("c", "conn.open"),
		"a.yaml":            ruleFile("b", "conn.open"),
		".hidden.yaml":      {Data: []byte("nonsense")},
		"..data/x.yaml":     {Data: []byte("nonsense")},
		"old/x.yaml":        {Data: []byte("nonsense")},
		"README.md":         {Data: []byte("nonsense")},
		"rules.go":          {Data: []byte("nonsense")},
		"directory.yaml/x":  {Data: []byte("nonsense")},
		"backup.yaml~":      {Data: []byte("nonsense")},
		"a.yaml.disabled":   {Data: []byte("nonsense")},
		".a.yaml.swp":       {Data: []byte("nonsense")},
		"tests/nested.yaml": {Data: []byte("nonsense")},
	}, "rules")
	if err != nil {
		t.Fatal(err)
	}
	if got := ids(set); got != "a b c" {
		t.Errorf("rules %s, want a b c by id", got)
	}
}

func TestLoadWithoutRulesIsAMistake(t *testing.T) {
	_, err := rule.Load(fstest.MapFS{"lists.yaml": {Data: []byte("ports: {a: [1]}\n")}}, "rules.expr")
	if err == nil || err.Error() != "rules.expr: no rules here: no file whose name ends in .yaml\n1 error" {
		t.Error(err)
	}
}

func TestLoadWithoutDirectoryIsAMistake(t *testing.T) {
	missing, err := fs.Sub(fstest.MapFS{}, "nowhere")
	if err != nil {
		t.Fatal(err)
	}
	_, err = rule.Load(missing, "rules.expr")
	if err == nil || err.Error() != "rules.expr: can't be read: file does not exist\n1 error" {
		t.Error(err)
	}
}

type unreadable struct{ fstest.MapFS }

func (u unreadable) Open(name string) (fs.File, error) {
	if name == "b.yaml" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return u.MapFS.Open(name)
}

func TestLoadReportsAnUnreadableFileWithTheOthersMistakes(t *testing.T) {
	_, err := rule.Load(unreadable{fstest.MapFS{
		"a.yaml": ruleFile("a", "conn.opn"),
		"b.yaml": ruleFile("b", "conn.open"),
	}}, "rules")
	got := mistakes(t, err)
	want := []string{"4:12 conn has no field opn; did you mean conn.open?", "0:0 can't be read: permission denied"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestLoadRejectsTooManyRules(t *testing.T) {
	files := make(fstest.MapFS)
	for i := range rule.MaxRules + 1 {
		files["r"+strings.Repeat("x", i%200)+string(rune('a'+i%26))+time.Duration(i).String()+".yaml"] = &fstest.MapFile{}
	}
	_, err := rule.Load(files, "rules")
	if err == nil || err.Error() != "rules: 10001 rules; the limit is 10000\n1 error" {
		t.Errorf("%.200v", err)
	}
}

func TestHash(t *testing.T) {
	files := fstest.MapFS{
		"a.yaml":     ruleFile("a", "conn.open"),
		"b.yaml":     ruleFile("b", "conn.port in ports.x"),
		"lists.yaml": {Data: []byte("ports: {x: [1]}\n")},
		"notes.txt":  {Data: []byte("1")},
	}
	hash := func(change func(fstest.MapFS)) string {
		t.Helper()
		changed := maps.Clone(files)
		change(changed)
		set, err := rule.Load(changed, "rules")
		if err != nil {
			t.Fatal(err)
		}
		return set.Hash
	}
	same := hash(func(fstest.MapFS) {})
	if len(same) != 64 {
		t.Errorf("hash %q is not a SHA-256", same)
	}
	for name, change := range map[string]func(fstest.MapFS){
		"files in another order": func(f fstest.MapFS) { f["a.yaml"], f["b.yaml"] = f["b.yaml"], f["a.yaml"] },
		"a file renamed":         func(f fstest.MapFS) { f["c.yml"] = f["a.yaml"]; delete(f, "a.yaml") },
		"a file that is no rule": func(f fstest.MapFS) { f["notes.txt"] = &fstest.MapFile{Data: []byte("2")} },
	} {
		if hash(change) != same {
			t.Errorf("%s changes the hash", name)
		}
	}
	for name, change := range map[string]func(fstest.MapFS){
		"a rule":             func(f fstest.MapFS) { f["a.yaml"] = ruleFile("a", "conn.closed") },
		"a comment":          func(f fstest.MapFS) { f["a.yaml"] = ruleFile("a", "conn.open # x") },
		"a list":             func(f fstest.MapFS) { f["lists.yaml"] = &fstest.MapFile{Data: []byte("ports: {x: [2]}\n")} },
		"a rule more":        func(f fstest.MapFS) { f["c.yaml"] = ruleFile("c", "conn.open") },
		"a rule less":        func(f fstest.MapFS) { delete(f, "a.yaml") },
		"what a file's for":  func(f fstest.MapFS) { f["lists.yaml"] = &fstest.MapFile{Data: []byte("ports: {x: [1]}\n\n")} },
		"an equal rule file": func(f fstest.MapFS) { f["c.yaml"] = ruleFile("c", "conn.open"); delete(f, "a.yaml") },
	} {
		if hash(change) == same {
			t.Errorf("%s doesn't change the hash", name)
		}
	}
}

func TestInternal(t *testing.T) {
	standard, err := rule.Load(fstest.MapFS{"a.yaml": ruleFile("a", "conn.open")}, "")
	if err != nil {
		t.Fatal(err)
	}
	own, err := rule.Load(fstest.MapFS{
		"a.yaml":     ruleFile("a", "conn.open"),
		"lists.yaml": {Data: []byte("networks:\n  internal: [198.51.100.0/24, '2001:db8::/32']\n")},
	}, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		address       string
		standard, own bool
	}{
		{"9.255.255.255", false, false}, {"10.0.0.0", true, false}, {"10.255.255.255", true, false}, {"11.0.0.0", false, false},
		{"172.15.255.255", false, false}, {"172.16.0.0", true, false}, {"172.31.255.255", true, false}, {"172.32.0.0", false, false},
		{"192.168.0.1", true, false}, {"192.169.0.0", false, false},
		{"100.63.255.255", false, false}, {"100.64.0.0", true, false}, {"100.127.255.255", true, false}, {"100.128.0.0", false, false},
		{"169.254.1.1", true, false}, {"127.0.0.1", true, false}, {"::1", true, false}, {"::2", false, false},
		{"fdff::1", true, false}, {"fe80::1", true, false}, {"fec0::1", false, false},
		{"198.51.100.7", false, true}, {"198.51.101.0", false, false}, {"2001:db8::1", false, true}, {"2001:db9::", false, false},
	} {
		a := address(test.address)
		if standard.Internal(a) != test.standard || own.Internal(a) != test.own {
			t.Errorf("%s is internal by default: %v, in the own networks: %v", a, standard.Internal(a), own.Internal(a))
		}
	}
}

func TestErrorsAreFoundByType(t *testing.T) {
	_, err := load(header)
	if all := (yamlsrc.Diagnostics)(nil); !errors.As(err, &all) || len(all) != 1 {
		t.Errorf("%v", err)
	}
}
