package rule_test

import (
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"headstart/detect/rule"
	"headstart/event"
	rulepack "headstart/rules.expr"
)

var ruleLine = regexp.MustCompile(`(?m)^rule: (.*)$`)

// manyOfThePack are so many rules: the shipped ones, under other ids again and
// again.
func manyOfThePack(t testing.TB, n int) fstest.MapFS {
	t.Helper()
	names, err := fs.Glob(rulepack.Files, "*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{}
	for round, count := 0, 0; count < n; round++ {
		for _, name := range names {
			if strings.HasSuffix(name, ".test.yaml") {
				continue // more cases of a rule, whose id would be another
			}
			data, err := fs.ReadFile(rulepack.Files, name)
			if err != nil {
				t.Fatal(err)
			}
			if name == "lists.yaml" || name == "macros.yaml" {
				files[name] = &fstest.MapFile{Data: data}
				continue
			}
			if round > 0 {
				data = ruleLine.ReplaceAll(data, fmt.Appendf(nil, "rule: ${1}-%d", round))
			}
			if count < n {
				files[fmt.Sprintf("%d-%s", round, name)] = &fstest.MapFile{Data: data}
				count++
			}
		}
	}
	return files
}

func loadAll(t testing.TB, files fs.FS) *rule.Set {
	t.Helper()
	set, err := rule.Load(files, "rules")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func BenchmarkLoadThousandOfThePack(b *testing.B) {
	files := manyOfThePack(b, 1000)
	for b.Loop() {
		loadAll(b, files)
	}
}

func BenchmarkEvaluateThousandOfThePack(b *testing.B) {
	evaluator := rule.NewEvaluator(loadAll(b, manyOfThePack(b, 1000)))
	baseline := func(*event.Connection) rule.Baseline { return rule.Baseline{Known: true} }
	mixture := webServerEvents(1000)
	for i := range mixture {
		mixture[i].Baseline = baseline
	}
	i := 0
	for b.Loop() {
		evaluator.Evaluate(mixture[i%len(mixture)])
		i++
	}
}

// patience is what hostile rules may take here: far more than they do, and far
// less than a correlator that stands still.
const patience = 2 * time.Minute

// timed fails a test when something takes longer than its patience.
func timed(t *testing.T, what string, do func()) time.Duration {
	t.Helper()
	began := time.Now()
	do()
	took := time.Since(began)
	if took > patience {
		t.Errorf("%s takes %s", what, took)
	}
	return took
}

func TestHostileRulesStallNothing(t *testing.T) {
	one := func(when string) fstest.MapFS {
		return fstest.MapFS{"a.yaml": {Data: []byte("rule: a\ntitle: T\nseverity: low\nwhen: |\n  " + when + "\n")}}
	}
	many := fstest.MapFS{}
	for i := range rule.MaxRules {
		many[fmt.Sprintf("r%d.yaml", i)] = &fstest.MapFile{Data: fmt.Appendf(nil, "rule: r%d\ntitle: T\nseverity: low\nwhen: conn.port == %d and conn.peer in networks.internal\n", i, i)}
	}
	many["lists.yaml"] = &fstest.MapFile{Data: []byte("networks:\n  internal: [10.0.0.0/8]\n")}
	tooMany := fstest.MapFS{"one-more.yaml": {Data: []byte("rule: one-more\ntitle: T\nseverity: low\nwhen: conn.open\n")}}
	for name, f := range many {
		tooMany[name] = f
	}
	var networks, macros, chain strings.Builder
	networks.WriteString("networks:\n  all:\n")
	for i := 0; networks.Len() < rule.MaxLists-30; i++ {
		fmt.Fprintf(&networks, "    - %d.%d.%d.0/24\n", 1+i>>16&127, i>>8&255, i&255)
	}
	for i := 0; macros.Len() < rule.MaxLists-8<<10; i++ {
		fmt.Fprintf(&macros, "m%d: %s\n", i, "conn.port == 1"+strings.Repeat(" or conn.port == 2", 60))
	}
	for i := range 40 { // each names the one before twice
		if i == 0 {
			chain.WriteString("m0: conn.open\n")
			continue
		}
		fmt.Fprintf(&chain, "m%d: macros.m%d or macros.m%d\n", i, i-1, i-1)
	}
	with := func(files fstest.MapFS, name, text string) fstest.MapFS {
		files[name] = &fstest.MapFile{Data: []byte(text)}
		return files
	}
	for name, test := range map[string]struct {
		files  fstest.MapFS
		refuse bool
	}{
		"in a thousand parentheses":                     {one(strings.Repeat("(", 1000) + "conn.open" + strings.Repeat(")", 1000)), false},
		"negated thousands of times":                    {one(strings.Repeat("not ", 2000) + "conn.open"), true},
		"as nested as it may be":                        {one(strings.Repeat("not (", 100) + "conn.open" + strings.Repeat(")", 100)), false},
		"conditions as long as they may be":             {one("conn.open" + strings.Repeat(" or conn.port == 1", 60)), false},
		"a list as long as it may be":                   {with(one("conn.peer in networks.all"), "lists.yaml", networks.String()), false},
		"a regular expression that others never finish": {one(`host.name matches "^(a+)+$"`), false},
		"a regular expression that unfolds":             {one(`host.name matches "((a{1,100}){1,100}){1,100}"`), true},
		"as many rules as there may be":                 {many, false},
		"one rule more":                                 {tooMany, true},
		"a file of macros as large as it may be":        {with(one("macros.m0"), "macros.yaml", macros.String()), false},
		"macros that double forty times":                {with(one("macros.m39"), "macros.yaml", chain.String()), true},
		"a file of nothing but anchors":                 {with(one("conn.open"), "b.yaml", "a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e]\n"), true},
		"sequences nested in a file":                    {with(one("conn.open"), "b.yaml", strings.Repeat("[", 30_000)), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var set *rule.Set
			var err error
			took := timed(t, "to load it", func() { set, err = rule.Load(test.files, "rules") })
			if (err != nil) != test.refuse {
				text := fmt.Sprint(err)
				t.Fatalf("refused: %v (%.300s)", err != nil, text)
			}
			if err != nil {
				t.Logf("refused after %s", took.Round(time.Millisecond))
				return
			}
			evaluator := rule.NewEvaluator(set)
			o := rule.Observation{Connection: outbound(1, "10.1.5.10"), At: noon, Host: &rule.Host{Name: strings.Repeat("a", 254) + "!"}}
			const times = 1000
			all := timed(t, "to ask it a thousand times", func() {
				for range times {
					evaluator.Evaluate(o)
				}
			})
			t.Logf("loaded in %s, an event takes %s", took.Round(time.Millisecond), all/times)
		})
	}
}
