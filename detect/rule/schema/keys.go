package schema

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

// The kinds of mappings that have keys.
const (
	Rule      = "a rule"
	Override  = "an override"
	Count     = "count"
	Sequence  = "sequence"
	Step      = "a step"
	Path      = "path"
	Absent    = "absent"
	Exception = "an exception"
	TestFile  = "a file of tests"
	Tests     = "tests"
	Case      = "a case"
)

// allKeys are the keys in the order in which files are written: identity, texts,
// conditions, effects, tests.
var allKeys = []Key{
	{Rule, "rule", KeyID, true, "the id: lower-case letters, digits and single hyphens, at most 64 characters; unique", "ssh-then-database"},
	{Rule, "title", KeyLine, true, "one line of at most 200 characters, shown in the alert", "A login, then a database session"},
	{Rule, "severity", KeySeverity, true, "`info`, `low`, `medium`, `high` or `critical`", "high"},
	{Rule, "score", KeyScore, false, "what an alert of the rule adds to its [incident's risk score](#scores), 0 to 100", "70"},
	{Rule, "score_learning", KeyScore, false, "the same while the host that acts is still [learning](#what-is-normal); half of `score` by default", "35"},
	{Rule, "attack", KeyTechniques, false, "MITRE ATT&CK techniques: `[T1021]`, `[T1021.002, T1135]`", "[T1021.004, T1213.006]"},
	{Rule, "references", KeyTexts, false, "URLs of further reading", "[https://attack.mitre.org/techniques/T1021/004/]"},
	{Rule, "description", KeyText, false, "what it finds and what it assumes", "A host logs in by SSH from a source that it has never used."},
	{Rule, "false_positives", KeyTexts, false, "a list of known false positives", "[a developer who looks at production by hand]"},
	{Rule, "guide", KeyText, false, "first steps for the analyst", "Who logged in, and which process has the session?"},
	{Rule, "thresholds", KeyNames, false, "[named](#thresholds) numbers and durations of the rule", "{session: 5m, hosts: 5}"},
	{Rule, "when", KeyCondition, true, "the [condition](#conditions); a `sequence` has one per step instead, `absent` needs none", "conn.direction == \"inbound\" and conn.port in ports.ssh"},
	{Rule, "for", KeyDuration, false, "[how long](#for-and-ages-while-it-is-still-open) the connection must have lived while the condition holds: `30s`, `5m`, `1h30m`", "5m"},
	{Rule, "count", KeyMapping, false, "fires on a number of connections or of distinct values: a [pattern](#patterns); a rule has at most one", "{by: host.name, within: 10m, at_least: 5}"},
	{Rule, "sequence", KeyMapping, false, "fires on several steps in order: a [pattern](#patterns)", "{within: 5m, steps: [{when: conn.port == 22, by: host.name}, {when: conn.port == 5432, by: host.name}]}"},
	{Rule, "path", KeyMapping, false, "fires on a chain of connections from host to host: a [pattern](#patterns)", "{hops: 2, within: 2h}"},
	{Rule, "absent", KeyMapping, false, "fires on a missing report: a [pattern](#patterns)", "{of: poller, for: 15m}"},
	{Rule, "unless", KeyMappings, false, "[exceptions](#exceptions)", "[{when: host.name == 'web-01', owner: ops, reason: copies at night, expires: 2026-12-31}]"},
	{Rule, "alert", KeyBool, false, "`false` makes the rule a [building block](#building-blocks): it raises no alert. Default `true`", "false"},
	{Rule, "enabled", KeyBool, false, "`false` disables the rule; it is still checked. Default `true`", "false"},
	{Rule, "tests", KeyMapping, false, "[tests](rule-tests.md): what must fire and what must not", "{hosts: web-01 10.1.1.11 reports, cases: []}"},

	{Override, "override", KeyID, true, "the id of the rule that is changed", "ssh-session-long"},
	{Override, "reason", KeyText, false, "why", "administrators work long here"},
	{Override, "severity", KeySeverity, false, "another severity", "low"},
	{Override, "score", KeyScore, false, "another risk score", "5"},
	{Override, "score_learning", KeyScore, false, "another risk score while the host is still learning", "0"},
	{Override, "enabled", KeyBool, false, "`false` disables the rule, `true` enables it", "false"},
	{Override, "alert", KeyBool, false, "`false` makes the rule a building block", "false"},
	{Override, "thresholds", KeyNames, false, "other values of thresholds that the rule has", "{session: 15m}"},
	{Override, "unless", KeyMappings, false, "exceptions in addition to the rule's own", "[{when: host.name == 'web-01', owner: ops, reason: copies at night, expires: 2026-12-31}]"},
	{Override, "tests", KeyMapping, false, "[tests](rule-tests.md) of the overridden rule; they replace its own", "{hosts: web-01 10.1.1.11 reports, cases: []}"},

	{Count, "by", KeyBy, true, "the key that the counted connections share", "host.name"},
	{Count, "of", KeyExpression, false, "the expression whose distinct values are counted; without it, connections are counted", "conn.peer"},
	{Count, "sum", KeyExpression, false, "instead of `of`: numbers that are added up, those below zero as zero", "conn.retransmits"},
	{Count, "within", KeyDuration, true, "how long the window is, 1s to 720h", "10m"},
	{Count, "at_least", KeyNumber, true, "what must be reached: a whole number up to 4,096, or any number from 1 for a `sum`", "5"},
	{Count, "above_usual", KeyNumber, false, "the count must also exceed this many times the originator's baseline fan-out on the service", "2"},
	{Count, "beaconing", KeyNumber, false, "how regular the times of the connections must be, more than 0, at most 1", "0.8"},

	{Sequence, "within", KeyDuration, true, "how long all steps together may take, 1s to 720h", "5m"},
	{Sequence, "steps", KeyMappings, true, "two to eight steps, in their order", "[{when: conn.port == 22, by: host.name}, {when: conn.port == 5432, by: host.name}]"},

	{Step, "when", KeyCondition, true, "the step's condition", "conn.port in ports.ssh"},
	{Step, "by", KeyBy, true, "the key, which must be equal in all steps", "host.name"},
	{Step, "for", KeyDuration, false, "how long the connection must have lived while the condition holds", "30s"},

	{Path, "hops", KeyWhole, true, "edges that the path must at least have, 2 to 20", "2"},
	{Path, "within", KeyDuration, true, "how long after the end of one connection the next may begin, 1s to 720h", "2h"},

	{Absent, "of", KeyMissing, true, "what is missing: a host's next report, or the other end's report of a connection", "poller"},
	{Absent, "for", KeyDuration, true, "how long it must be missing, 1s to 720h", "15m"},

	{Exception, "when", KeyCondition, true, "the condition under which the rule doesn't fire", "host.name == 'web-01'"},
	{Exception, "owner", KeyLine, true, "who answers for it", "storage@example.com"},
	{Exception, "reason", KeyText, true, "why this is legitimate", "mounts the media share on purpose"},
	{Exception, "expires", KeyDay, true, "the last day on which it counts, in UTC", "2026-12-31"},

	{TestFile, "tests", KeyMapping, true, "[more cases](rule-tests.md#more-cases-in-a-file-of-their-own) of the rule beside the file", "{cases: [{name: quiet, connections: '14:31:28 web-01 -> db-01:5432', alerts: never ssh-then-database}]}"},

	{Tests, "hosts", KeyTable, true, "the hosts, a line each: name, address, reports or listed, roles", "web-01 10.1.1.11 reports web"},
	{Tests, "learn", KeyDays, false, "days of baseline learning, up to 31", "4 days"},
	{Tests, "usual", KeyTable, false, "baseline traffic between them, a line each", "web-01 -> db-01:5432 every 10m for 2s"},
	{Tests, "cases", KeyMappings, true, "what happens, and what must follow", "[{name: quiet, connections: '14:31:28 web-01 -> db-01:5432', alerts: never ssh-then-database}]"},

	{Case, "name", KeyLine, true, "what happens, in at most 100 characters", "the session is over soon"},
	{Case, "connections", KeyTable, true, "what happens, a line each", "14:31:28 web-01 -> db-01:5432 for 847s"},
	{Case, "alerts", KeyTable, true, "what must fire and when, and what must not", "14:32:00 ssh-then-database web-01"},
}

// Keys returns every field of the files of rules, in the order in which they
// are written. The loader's check of names, the formatter's layout, the JSON
// Schema and the reference page are made from it.
func Keys() []Key { return slices.Clone(allKeys) }

var keyNames = namesOfKeys()

func namesOfKeys() map[string][]string {
	names := map[string][]string{}
	for _, k := range allKeys {
		names[k.In] = append(names[k.In], k.Name)
	}
	return names
}

// Names returns the names of the fields of a kind of mapping.
func Names(in string) []string { return keyNames[in] }
