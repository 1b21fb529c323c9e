package rule_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"headstart/detect/rule"
	"headstart/detect/rule/explain"
	"headstart/event"
)

// verdictsOf are what an evaluator says of each part of each rule.
func verdictsOf(results []rule.Result) map[string]string {
	all := map[string]string{}
	for _, r := range results {
		key := fmt.Sprintf("%s#%d", r.Rule.ID, r.Part)
		switch {
		case r.Err != nil:
			all[key] = string(explain.Fails)
		case r.Wait > 0:
			all[key] = fmt.Sprintf("%s %v", explain.Waits, r.Wait)
		case r.Muted != nil:
			all[key] = fmt.Sprintf("%s %s", explain.Suppressed, r.Muted.Owner)
		default:
			all[key] = string(explain.Holds)
		}
	}
	return all
}

func explained(e *explain.Explanation) string {
	switch {
	case e.Verdict == explain.Waits:
		return fmt.Sprintf("%s %v", explain.Waits, time.Duration(e.Wait))
	case e.Muted() != nil:
		return fmt.Sprintf("%s %s", e.Verdict, e.Muted().Owner)
	}
	return string(e.Verdict)
}

// checkExplained holds that what is explained of every rule of a set is what the
// evaluator says, and that the terms add up to it.
func checkExplained(t *testing.T, set *rule.Set, explainer *explain.Explainer, o rule.Observation) {
	t.Helper()
	want := verdictsOf(rule.NewEvaluator(set).Evaluate(o))
	for _, r := range set.Rules {
		for part := range r.Parts() {
			e := explainer.Explain(r, part, o)
			said := want[fmt.Sprintf("%s#%d", r.ID, part)]
			if said == "" {
				said = string(explain.DoesNotHold)
			}
			if got := explained(e); r.Enabled && got != said {
				t.Fatalf("%s#%d of %+v\nexplained %s\nevaluated %s\n%s", r.ID, part, o.Connection, got, said, tree(e.Condition, 0))
			}
			checkTerms(t, e)
		}
	}
}

// checkTerms holds that the terms of a part add up to its verdict, unless one of
// them can't be evaluated.
func checkTerms(t *testing.T, e *explain.Explanation) {
	t.Helper()
	if e.Verdict == explain.Fails || failing(e.Condition) {
		if !failing(e.Condition) && len(e.Exceptions) == 0 && len(e.Key) == 0 {
			t.Fatalf("%s fails for %s, and no term does\n%s", e.Rule, e.Failure, tree(e.Condition, 0))
		}
		return
	}
	holds, waits := e.Condition.Holds, e.Condition.Wait > 0
	if e.For != nil && !waits {
		holds, waits = holds && e.For.Holds, holds && e.For.Wait > 0
	} else if e.For != nil {
		waits = waits && (e.For.Holds || e.For.Wait > 0)
	}
	got := explain.DoesNotHold
	switch {
	case waits:
		got = explain.Waits
	case holds && e.Verdict == explain.Suppressed:
		got = explain.Suppressed
	case holds:
		got = explain.Holds
	}
	if got != e.Verdict {
		t.Fatalf("%s#%d: the terms say %s, the verdict is %s\n%s", e.Rule, e.Part, got, e.Verdict, tree(e.Condition, 0))
	}
}

func failing(t *explain.Term) bool {
	if t.Failure != "" {
		return true
	}
	for _, inner := range t.Terms {
		if failing(inner) {
			return true
		}
	}
	return false
}

// tree prints terms.
func tree(t *explain.Term, depth int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s%t %s %d:%d %s", strings.Repeat("  ", depth), t.Holds, t.Kind, t.Line, t.Column, t.Text)
	for _, v := range t.Values {
		fmt.Fprintf(&b, "; %s is %s", v.Name, v.Value)
	}
	if t.Wait > 0 {
		fmt.Fprintf(&b, "; waits %v", time.Duration(t.Wait))
	}
	if t.Failure != "" {
		fmt.Fprintf(&b, "; fails: %s", t.Failure)
	}
	b.WriteByte('\n')
	for _, inner := range t.Terms {
		b.WriteString(tree(inner, depth+1))
	}
	return b.String()
}

func TestExplanationAgreesWithTheEvaluator(t *testing.T) {
	for name, set := range map[string]*rule.Set{"of the pack": shippedPack(t), "of all that the language has": loadFiles(t, explainable())} {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(4, 2))
			explainer := explain.New(set)
			t.Parallel()
			evaluations := 20_000
			if testing.Short() {
				evaluations = 5_000
			}
			for range evaluations / len(set.Rules) {
				checkExplained(t, set, explainer, withFirings(r, randomObservation(r)))
			}
		})
	}
}

// withFirings adds that some rules have fired.
func withFirings(r *rand.Rand, o rule.Observation) rule.Observation {
	switch r.IntN(3) {
	case 0:
		o.Fired = func(string, string) (time.Time, bool) { return o.At.Add(-time.Minute), true }
	case 1:
		o.Fired = func(id, host string) (time.Time, bool) { return o.At.Add(-2 * time.Hour), id == "r2" }
	}
	return o
}

// explainable are rules with everything that a condition can be made of.
func explainable() fstest.MapFS {
	files := fstest.MapFS{
		"lists.yaml":  {Data: []byte("ports:\n  db_one: [22, 445]\n  db_two: [\"199-1000\"]\nroles: {web: [web], db: [database]}\nnetworks: {lan: [10.0.0.0/8, '::1']}\nhosts: {some: [a, 'b*']}\n")},
		"macros.yaml": {Data: []byte("service: conn.port in ports.db_one or conn.port == 25\nold: |\n  conn.age.min > duration(\"5s\")\n  and macros.service\nasks_fired: fired(\"r1\", host) or fired(\"r2\", peer)\n")},
		"thresholds.yaml": {Data: []byte(header + `thresholds: {session: 7s, many: 2}
when: conn.age.min >= thresholds.session and conn.local_port > thresholds.many
unless:
  - {when: conn.uid == 1, owner: her, reason: x, expires: 2020-01-01}
  - {when: host in roles.web, owner: him, reason: y, expires: 2999-01-01}
`)},
	}
	for i, when := range []string{
		`macros.old`, `not macros.service and (conn.open or conn.attempted)`, `macros.old and macros.service and conn.age.max < duration("20s")`,
		`conn.port in ports["db_*"] or host in hosts.some`, `not (conn.port in ports.db_two and not conn.loopback)`,
		`1 < conn.port < 300`, `conn.uid not in [1, 2]`, `not conn.open and not not conn.loopback`,
		`conn.port % conn.uid == 0`, `conn.open and conn.port % conn.uid == 0 or conn.closed`, `conn.closed || conn.port % conn.uid == 0 && conn.age.min > duration("1s")`,
		`conn.age.min > 2 * baseline.length.p99 and (baseline.unusual or baseline.days > 1)`, `conn.age.min > duration("3s") or conn.age.max >= duration("9s")`,
		`not (conn.age.min > duration("3s"))`, `duration("3s") < conn.age.min and conn.age.max >= duration("4s")`, `(conn.open ? conn.port : conn.uid) == 22`,
		`any(host.roles, # startsWith "we" or # == "x")`, `conn.peer in networks.lan and "web" in host.roles`, `conn.event in ["opened", "closed"] and peer.external`,
		`(((conn.open)) and ((conn.port == 22 or (conn.port == 445))))`, `conn.originator != conn.responder and len(host.roles) + 1 > 1`,
		`fired("r1", host)`, `not fired("r2", peer, duration("1h"))`, `(fired("r1", host) or conn.port == 22) and conn.open`, `macros.asks_fired and conn.age.min > duration("5s")`,
		`not (fired("r1", host) or conn.closed)`, `hour(conn.began, "Europe/Berlin") > 3 and weekday(conn.began, "UTC") in ["thursday", "friday"]`,
		`true`, `false or conn.began_before`, `now > date("2020-01-01") and conn.hour in 0..13`,
	} {
		for kind, more := range map[string]string{"": "", "f": "for: 6s\n", "c": "count: {by: [host.name, conn.peer], of: conn.port, within: 10m, at_least: 2, above_usual: 2}\n"} {
			id := fmt.Sprintf("r%d%s", i, kind)
			files[id+".yaml"] = &fstest.MapFile{Data: []byte("rule: " + id + "\ntitle: T\nseverity: low\nwhen: |\n  " + when + "\n" + more)}
		}
	}
	return files
}

// FuzzExplain explains every rule that loads of any bytes. It says what the
// evaluator says, and nothing panics.
func FuzzExplain(f *testing.F) {
	files := explainable()
	for _, file := range files {
		f.Add(file.Data, files["lists.yaml"].Data, files["macros.yaml"].Data)
	}
	f.Add([]byte(header+aSequence), []byte(someLists), []byte("a: conn.open"))
	f.Add([]byte(header+"absent: {of: poller, for: 5m}\nwhen: host.clock_offset / 2 < duration(\"3s\") * -1.5 and now < date(\"2020-01-01\")\n"), []byte{}, []byte{})
	f.Fuzz(func(t *testing.T, text, lists, macros []byte) {
		set, err := rule.Load(fstest.MapFS{"a.yaml": {Data: text}, "lists.yaml": {Data: lists}, "macros.yaml": {Data: macros}}, "rules")
		if err != nil {
			return
		}
		r := rand.New(rand.NewPCG(7, uint64(len(text))))
		explainer, evaluator := explain.New(set), rule.NewEvaluator(set)
		for range 10 {
			o := withFirings(r, randomObservation(r))
			checkExplained(t, set, explainer, o)
			for _, one := range set.Rules {
				without := rule.Observation{Host: o.Host, At: o.At}
				e := explainer.Explain(one, 0, without)
				if result, holds := evaluator.Absent(one, without); one.Absent != nil && one.Enabled && result.Err == nil && holds == (e.Verdict == explain.DoesNotHold) {
					t.Fatalf("%s of a missing poller: %s, evaluated %t", one.ID, e.Verdict, holds)
				}
				explainer.Explain(one, -1, o)
				explainer.Explain(one, 99, without)
			}
		}
	})
}

func TestExplanationShowsEachPartWithItsPlaceAndItsValues(t *testing.T) {
	set, err := rule.LoadLayers([]rule.Layer{
		{Name: "pack", Files: fstest.MapFS{
			"lists.yaml":  {Data: []byte("ports: {database: [3306, \"5000-5002\"]}\nroles: {web: [web, frontend]}\n")},
			"macros.yaml": {Data: []byte("to_database: |\n  conn.direction == \"outbound\"\n  and conn.port in ports.database\n")},
			"a.yaml": {Data: []byte(header + `thresholds: {session: 5m}
when: |
  macros.to_database and not conn.loopback
  and (baseline.unusual or   host in roles.web)
  and conn.age.min > 2 * thresholds.session
`)},
		}},
		{Name: "ours", Files: fstest.MapFS{"o.yaml": {Data: []byte(`override: a-rule
thresholds: {session: 2m}
unless:
  - {when: peer.name == "db-01", owner: storage@example.com, reason: reports, expires: 2019-03-31}
  - when: conn.peer in ["10.1.5.0/24"]
    owner: desk@example.com
    reason: copies
    expires: 2999-12-31
`)}}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	explainer := explain.New(set)
	o := seen(outbound(3306, "10.1.5.10"), webServer, time.Minute)
	e := explainer.Explain(set.Rules[0], 0, o)
	const want = `false and 6:3 macros.to_database and not conn.loopback and (baseline.unusual or host in roles.web) and conn.age.min > 2 * thresholds.session; waits 3m0.000000001s
  true macro 6:3 macros.to_database
    true and 2:3 conn.direction == "outbound" and conn.port in ports.database
      true term 2:3 conn.direction == "outbound"; conn.direction is "outbound"
      true term 3:7 conn.port in ports.database; conn.port is 3306; ports.database is [3306, 5000-5002]
  true not 6:26 not conn.loopback
    false term 6:30 conn.loopback; conn.local is 10.1.1.10; conn.peer is 10.1.5.10
  true or 7:8 baseline.unusual or host in roles.web
    false term 7:8 baseline.unusual; baseline.known is false; baseline.role_known is false; baseline.originator.peers is 0; baseline.responder.peers is 0; baseline.host.learning is true; baseline.peer.learning is true
    true term 7:30 host in roles.web; host.roles is [web]; roles.web is [frontend, web]
  false term 8:7 conn.age.min > 2 * thresholds.session; conn.age.min is 1m; 2 * thresholds.session is 4m; thresholds.session is 2m; waits 3m0.000000001s
`
	if got := tree(e.Condition, 0); got != want || e.Condition.File != "pack/a.yaml" || e.Condition.Terms[0].Terms[0].File != "pack/macros.yaml" {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if e.Verdict != explain.Waits || time.Duration(e.Wait).Round(time.Second) != 3*time.Minute {
		t.Errorf("%s, %v", e.Verdict, e.Wait)
	}
	o.At = o.At.Add(time.Hour)
	e = explainer.Explain(set.Rules[0], 0, o)
	if x := e.Muted(); x == nil || x.Owner != "desk@example.com" || x.Condition.File != "ours/o.yaml" || x.Condition.Line != 5 || !e.Exceptions[0].Expired {
		t.Errorf("%s by %+v of %+v", e.Verdict, x, e.Exceptions)
	}
}

func TestDecisiveTermsSayWhyInALine(t *testing.T) {
	set := loadFiles(t, fstest.MapFS{
		"lists.yaml": {Data: []byte("ports: {ssh: [22]}\n")},
		"a.yaml":     ruleFile("a", "conn.open and conn.port in ports.ssh and not (conn.direction == \"outbound\" or conn.loopback)"),
		"b.yaml":     ruleFile("b", "conn.port in ports.ssh or conn.uid == 7"),
		"c.yaml":     ruleFile("c", "conn.port % conn.retransmits == 0"),
		"d.yaml":     ruleFile("d", "conn.open or conn.port == 3306"),
	})
	explainer := explain.New(set)
	for id, want := range map[string]string{
		"a": `conn.port in ports.ssh was false (3306); conn.direction == "outbound" was true ("outbound")`,
		"b": `conn.port in ports.ssh was false (3306); conn.uid == 7 was false (1000)`,
		"c": `conn.port % conn.retransmits == 0 can't be evaluated`,
		"d": `conn.open was true (conn.event is "opened", conn.state is "ESTABLISHED")`,
	} {
		var all []string
		for _, term := range explainer.Explain(set.Rule(id), 0, seen(outbound(3306, "10.1.5.10"), webServer, time.Minute)).Condition.Decisive() {
			all = append(all, term.String())
		}
		if got := strings.Join(all, "; "); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got  %s\nwant %s", id, got, want)
		}
	}
}

func TestExplanationLooksTheBaselineUpOnce(t *testing.T) {
	set := loadFiles(t, fstest.MapFS{"a.yaml": ruleFile("a", "baseline.days < 3 and baseline.unusual and conn.age.min > 3 * baseline.length.p99")})
	asked := 0
	o := seen(outbound(3306, "10.1.5.10"), webServer, time.Minute)
	o.Baseline = func(*event.Connection) rule.Baseline { asked++; return rule.Baseline{Unusual: true} }
	if e := explain.New(set).Explain(set.Rules[0], 0, o); e.Verdict != explain.Holds || asked != 1 {
		t.Errorf("%s, asked %d times", e.Verdict, asked)
	}
}
