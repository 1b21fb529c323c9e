package schema

import (
	"strings"

	"headstart/suggest"
	"headstart/yamlsrc"
)

// Dialect returns what diagnostics know of the fields of these files.
func Dialect() *yamlsrc.Dialect {
	return &yamlsrc.Dialect{Holds: "one rule", Fields: Names(Rule), Expressions: []string{"when", "by", "of", "sum"}, Hint: hint}
}

// hint says what an unknown field was meant to be: a renamed one, a misspelt
// one, or one of another rule language.
func hint(what, name string, known []string) string {
	if now := renamedFields[what+"."+name]; now != "" {
		return "; it is now called " + now
	}
	if hint := suggest.DidYouMean(name, known); hint != "" {
		return hint
	}
	if hint := otherFields[strings.ToLower(name)]; hint != "" && what == Rule {
		return "; " + hint
	}
	return ""
}

// renamedFields are the new names of fields that had another.
var renamedFields = map[string]string{Count + ".regular": "beaconing"}

// otherFields are what a rule doesn't have, and what it has instead.
var otherFields = map[string]string{
	"id": "the id is written rule: my-rule", "name": "write rule: my-rule for the id, title for what users read", "level": "write severity", "priority": "write severity",
	"condition": "write when", "detection": "write when, and in it what must be true of a connection", "tags": "write attack: [T1021.004]", "tag": "write attack: [T1021.004]",
	"desc": "write description", "output": "write title and description", "falsepositives": "write false_positives", "exceptions": "write unless",
	"list": "lists go into lists.yaml", "macro": "macros go into macros.yaml", "items": "lists go into lists.yaml", "fields": "write when, and in it what must be true of a connection",
	"by": "it goes below count, or into each step of a sequence", "of": "it goes below count or absent", "sum": "it goes below count", "within": "it goes below count, sequence or path",
	"window": "write within, below count, sequence or path", "timespan": "write within, below count, sequence or path", "at_least": "it goes below count", "above_usual": "it goes below count",
	"steps": "it goes below sequence", "hops": "it goes below path", "owner": "it goes into an exception below unless", "expires": "it goes into an exception below unless",
}
