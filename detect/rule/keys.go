package rule

import "slices"

// Key is a field of the YAML files, as authors write it.
type Key struct {
	In      string `json:"in"` // what has it: a rule, count, a step, …
	Name    string `json:"name"`
	Type    string `json:"type"` // one of the Key constants
	Needed  bool   `json:"needed,omitempty"`
	Doc     string `json:"doc"`
	Example string `json:"example"` // a value, as YAML
}

// The types of keys.
const (
	KeyText       = "text"
	KeyLine       = "line of text"
	KeyID         = "id"
	KeySeverity   = "severity"
	KeyScore      = "number from 0 to 100"
	KeyTechniques = "list of ATT&CK techniques"
	KeyTexts      = "list of texts"
	KeyBool       = "true or false"
	KeyCondition  = "condition"
	KeyExpression = "expression"
	KeyBy         = "expression, or list of up to 4"
	KeyDuration   = "duration"
	KeyNumber     = "number"
	KeyWhole      = "whole number"
	KeyDay        = "day"
	KeyDays       = "number of days"
	KeyMissing    = "poller or peer_report"
	KeyTable      = "table"
	KeyNames      = "numbers and durations by name"
	KeyMapping    = "fields"
	KeyMappings   = "list of fields"
)

// What has keys.
const (
	inRule      = "a rule"
	inOverride  = "an override"
	inCount     = "count"
	inSequence  = "sequence"
	inStep      = "a step"
	inPath      = "path"
	inAbsent    = "absent"
	inException = "an exception"
	inTestFile  = "a file of tests"
	inTests     = "tests"
	inCase      = "a case"
)

// allKeys are the keys in the order in which files are written: what a rule is,
// what people read, what it asks, what becomes of it, and how that is tried.
var allKeys = []Key{
	{inRule, "rule", KeyID, true, "the id: lower-case letters, digits and single hyphens, at most 64 characters; unique", "ssh-then-database"},
	{inRule, "title", KeyLine, true, "one line of at most 200 characters, as people read it in an alert", "A login, then a database session"},
	{inRule, "severity", KeySeverity, true, "`info`, `low`, `medium`, `high` or `critical`", "high"},
	{inRule, "score", KeyScore, false, "what an alert of the rule adds to its [incident's score](#scores), 0 to 100", "70"},
	{inRule, "score_learning", KeyScore, false, "the same while the host that acts is still [learnt](#what-is-normal), half of `score` if not given", "35"},
	{inRule, "attack", KeyTechniques, false, "MITRE ATT&CK techniques: `[T1021]`, `[T1021.002, T1135]`", "[T1021.004, T1213.006]"},
	{inRule, "references", KeyTexts, false, "a list of addresses of pages to read", "[https://attack.mitre.org/techniques/T1021/004/]"},
	{inRule, "description", KeyText, false, "what it finds, what it assumes", "Somebody came in by SSH from where nobody usually comes."},
	{inRule, "false_positives", KeyTexts, false, "a list of those that are known", "[a developer who looks at production by hand]"},
	{inRule, "guide", KeyText, false, "what the analyst does first", "Who logged in, and which process has the session?"},
	{inRule, "thresholds", KeyNames, false, "[names](#thresholds) for the rule's numbers and durations", "{session: 5m, hosts: 5}"},
	{inRule, "when", KeyCondition, true, "the [condition](#conditions); a `sequence` has none of its own, `absent` can do without", "conn.direction == \"inbound\" and conn.port in ports.ssh"},
	{inRule, "for", KeyDuration, false, "[how long](#for-and-ages-while-it-is-still-open) the connection must have lived while the condition holds: `30s`, `5m`, `1h30m`", "5m"},
	{inRule, "count", KeyMapping, false, "fires on often, or many: a [pattern](#patterns), of which a rule has one at most", "{by: host.name, within: 10m, at_least: 5}"},
	{inRule, "sequence", KeyMapping, false, "fires on one thing after the other: a [pattern](#patterns)", "{within: 5m, steps: [{when: conn.port == 22, by: host.name}, {when: conn.port == 5432, by: host.name}]}"},
	{inRule, "path", KeyMapping, false, "fires on a way from host to host: a [pattern](#patterns)", "{hops: 2, within: 2h}"},
	{inRule, "absent", KeyMapping, false, "fires on what should be there, and isn't: a [pattern](#patterns)", "{of: poller, for: 15m}"},
	{inRule, "unless", KeyMappings, false, "[exceptions](#exceptions)", "[{when: host.name == 'web-01', owner: ops, reason: copies at night, expires: 2026-12-31}]"},
	{inRule, "alert", KeyBool, false, "`false` makes the rule a [building block](#building-blocks): it raises no alert. `true` if not given", "false"},
	{inRule, "enabled", KeyBool, false, "`false` switches the rule off; it is checked all the same. `true` if not given", "false"},
	{inRule, "tests", KeyMapping, false, "what must fire and what must not, in [tables](rule-tests.md)", "{hosts: web-01 10.1.1.11 reports, cases: []}"},

	{inOverride, "override", KeyID, true, "the id of the rule that is changed", "ssh-session-long"},
	{inOverride, "reason", KeyText, false, "why", "administrators work long here"},
	{inOverride, "severity", KeySeverity, false, "another severity", "low"},
	{inOverride, "score", KeyScore, false, "other points", "5"},
	{inOverride, "score_learning", KeyScore, false, "other points while the host is still learnt", "0"},
	{inOverride, "enabled", KeyBool, false, "`false` switches the rule off, `true` on", "false"},
	{inOverride, "alert", KeyBool, false, "`false` makes the rule a building block", "false"},
	{inOverride, "thresholds", KeyNames, false, "other values of thresholds that the rule has", "{session: 15m}"},
	{inOverride, "unless", KeyMappings, false, "exceptions, beside the rule's own", "[{when: host.name == 'web-01', owner: ops, reason: copies at night, expires: 2026-12-31}]"},
	{inOverride, "tests", KeyMapping, false, "[tests](rule-tests.md) of the rule as it is then, in place of its own", "{hosts: web-01 10.1.1.11 reports, cases: []}"},

	{inCount, "by", KeyBy, true, "the key that the counted connections share", "host.name"},
	{inCount, "of", KeyExpression, false, "its distinct values are counted; left out, connections are", "conn.peer"},
	{inCount, "sum", KeyExpression, false, "instead of `of`: numbers that are added up, those below zero as zero", "conn.retransmits"},
	{inCount, "within", KeyDuration, true, "how long the window is, 1s to 720h", "10m"},
	{inCount, "at_least", KeyNumber, true, "what must be reached: a whole number up to 4,096, or any number from 1 for a `sum`", "5"},
	{inCount, "above_usual", KeyNumber, false, "the count must also be more than this many times the originator's usual fan-out on the service", "2"},
	{inCount, "beaconing", KeyNumber, false, "how regular the times of the connections must be, more than 0, at most 1", "0.8"},

	{inSequence, "within", KeyDuration, true, "how long all steps together may take, 1s to 720h", "5m"},
	{inSequence, "steps", KeyMappings, true, "two to eight steps, in their order", "[{when: conn.port == 22, by: host.name}, {when: conn.port == 5432, by: host.name}]"},

	{inStep, "when", KeyCondition, true, "the step's condition", "conn.port in ports.ssh"},
	{inStep, "by", KeyBy, true, "the key, which must be equal in all steps", "host.name"},
	{inStep, "for", KeyDuration, false, "how long the connection must have lived while the condition holds", "30s"},

	{inPath, "hops", KeyWhole, true, "edges that the path must at least have, 2 to 20", "2"},
	{inPath, "within", KeyDuration, true, "how long after the end of one connection the next may begin, 1s to 720h", "2h"},

	{inAbsent, "of", KeyMissing, true, "what is missing: a host's next report, or the other end's word on a connection", "poller"},
	{inAbsent, "for", KeyDuration, true, "how long it must be missing, 1s to 720h", "15m"},

	{inException, "when", KeyCondition, true, "the condition under which the rule doesn't fire", "host.name == 'web-01'"},
	{inException, "owner", KeyLine, true, "whom to ask", "storage@example.com"},
	{inException, "reason", KeyText, true, "why it is right", "mounts the media share on purpose"},
	{inException, "expires", KeyDay, true, "the last day on which it counts, in UTC", "2026-12-31"},

	{inTestFile, "tests", KeyMapping, true, "[more cases](rule-tests.md#more-cases-in-a-file-of-their-own) of the rule beside the file", "{cases: [{name: quiet, connections: '14:31:28 web-01 -> db-01:5432', alerts: never ssh-then-database}]}"},

	{inTests, "hosts", KeyTable, true, "the hosts, a line each: name, address, reports or listed, roles", "web-01 10.1.1.11 reports web"},
	{inTests, "learn", KeyDays, false, "for how many days the usual is learnt, up to 31", "4 days"},
	{inTests, "usual", KeyTable, false, "what is usual among them, a line each", "web-01 -> db-01:5432 every 10m for 2s"},
	{inTests, "cases", KeyMappings, true, "what happens, and what must follow", "[{name: quiet, connections: '14:31:28 web-01 -> db-01:5432', alerts: never ssh-then-database}]"},

	{inCase, "name", KeyLine, true, "what happens, in at most 100 characters", "the session is over soon"},
	{inCase, "connections", KeyTable, true, "what happens, a line each", "14:31:28 web-01 -> db-01:5432 for 847s"},
	{inCase, "alerts", KeyTable, true, "what must fire and when, and what must not", "14:32:00 ssh-then-database web-01"},
}

// Keys returns every field of the files of rules, in the order in which they
// are written: the one source of the loader's check of names, of the layout
// that [Format] writes, of the JSON Schema, and of the page.
func Keys() []Key { return slices.Clone(allKeys) }

var keyNames = namesOfKeys()

func namesOfKeys() map[string][]string {
	names := map[string][]string{}
	for _, k := range allKeys {
		names[k.In] = append(names[k.In], k.Name)
	}
	return names
}

// keysOf returns the names of the fields that something has.
func keysOf(in string) []string { return keyNames[in] }
