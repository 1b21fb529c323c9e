package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"headstart/event"
)

// Kinds returns the kinds of files that [JSON] describes.
func Kinds() []string { return []string{"rule", "override", "lists", "macros", "tests"} }

// JSON returns the JSON Schema (draft-07, which editors support best) of a kind
// of file, nil for an unknown kind. Only the loader checks expressions.
func JSON(kind string) []byte {
	var s schema
	switch kind {
	case "rule":
		s = ruleSchema()
	case "override":
		s = mappingSchema(Override)
		s["minProperties"] = 2
	case "lists":
		s = listsSchema()
	case "tests":
		s = mappingSchema(TestFile)
		s["properties"].(schema)["tests"].(schema)["required"] = []string{"cases"}
	case "macros":
		s = schema{"type": "object", "propertyNames": nameSchema(), "additionalProperties": conditionSchema()}
	default:
		return nil
	}
	s["$schema"] = "http://json-schema.org/draft-07/schema#"
	s["title"] = map[string]string{"rule": "A rule of headstart", "override": "An override of a rule of headstart", "lists": "Lists for the rules of headstart (lists.yaml)", "macros": "Macros for the rules of headstart (macros.yaml)", "tests": "Tests of a rule of headstart (RULE-ID.test.yaml)"}[kind]
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(s); err != nil {
		panic(fmt.Sprintf("rule: the schema of %s: %v", kind, err)) // of constants
	}
	return b.Bytes()
}

// schema is a JSON Schema.
type schema map[string]any

func ruleSchema() schema {
	s := mappingSchema(Rule)
	s["required"] = []string{"rule", "title", "severity"}
	has := func(names ...string) schema { return schema{"required": names} }
	not := func(s schema) schema { return schema{"not": s} }
	patterns := []string{"count", "sequence", "path", "absent"}
	all := []schema{
		{"if": not(schema{"anyOf": []schema{has("sequence"), has("absent")}}), "then": has("when")},
		{"if": has("sequence"), "then": not(schema{"anyOf": []schema{has("when"), has("for")}})},
		{"if": has("absent"), "then": not(has("for"))},
	}
	for i, one := range patterns {
		for _, other := range patterns[i+1:] {
			all = append(all, not(has(one, other)))
		}
	}
	s["allOf"] = all
	return s
}

// mappingSchema is of the fields that something has.
func mappingSchema(in string) schema {
	properties, needed := schema{}, []string{}
	for _, k := range allKeys {
		if k.In != in {
			continue
		}
		properties[k.Name] = keySchema(k)
		if k.Needed {
			needed = append(needed, k.Name)
		}
	}
	return schema{"type": "object", "properties": properties, "additionalProperties": false, "required": needed}
}

// link is a link of Markdown, of which a tooltip shows the text.
var link = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)

// PlainDoc is the Doc of a [Key] or a [Function] without its Markdown.
func PlainDoc(doc string) string {
	return link.ReplaceAllString(strings.ReplaceAll(doc, "`", ""), "$1")
}

// keySchema is of one field, with what editors show of it.
func keySchema(k Key) schema {
	s := typeSchema(k)
	s["description"] = PlainDoc(k.Doc)
	var example any
	if err := yaml.Unmarshal([]byte(k.Example), &example); err == nil && k.Type != KeyDay {
		s["examples"] = []any{example}
	} else {
		s["examples"] = []string{k.Example}
	}
	return s
}

func typeSchema(k Key) schema {
	text := func() schema { return schema{"type": "string", "minLength": 1} }
	switch k.Type {
	case KeyLine:
		return schema{"type": []string{"string", "number"}, "minLength": 1, "maxLength": MaxLine, "pattern": `^[^\n]*\n?$`}
	case KeyID:
		return schema{"type": "string", "pattern": idPattern.String(), "maxLength": MaxID}
	case KeySeverity:
		var names []string
		for level := event.Info; level <= event.Critical; level++ {
			names = append(names, level.String())
		}
		return schema{"enum": names}
	case KeyScore:
		return schema{"type": "number", "minimum": 0, "maximum": MaxScore}
	case KeyTechniques:
		return listSchema(schema{"type": "string", "pattern": attackPattern.String()})
	case KeyTexts:
		return listSchema(schema{"type": []string{"string", "number"}, "minLength": 1})
	case KeyBool:
		return schema{"type": "boolean"}
	case KeyCondition, KeyExpression:
		return conditionSchema()
	case KeyBy:
		return schema{"anyOf": []schema{conditionSchema(), {"type": "array", "items": conditionSchema(), "minItems": 1, "maxItems": MaxBy}}}
	case KeyDuration:
		return schema{"type": "string", "pattern": thresholdPattern + "|" + durationPattern}
	case KeyNumber, KeyWhole:
		number := map[string]string{KeyNumber: "number", KeyWhole: "integer"}[k.Type]
		return schema{"anyOf": []schema{{"type": number, "minimum": 0}, {"type": "string", "pattern": thresholdPattern}}}
	case KeyDay:
		return schema{"type": "string", "pattern": `^[0-9]{4}-[0-9]{2}-[0-9]{2}$`}
	case KeyDays:
		return schema{"type": "string", "pattern": `^[0-9]{1,2} days?$`}
	case KeyMissing:
		return schema{"enum": []string{"poller", "peer_report"}}
	case KeyNames:
		value := schema{"anyOf": []schema{{"type": "number"}, {"type": "string", "pattern": durationPattern}}}
		return schema{"type": "object", "propertyNames": nameSchema(), "additionalProperties": value, "maxProperties": MaxThresholds}
	case KeyMapping:
		return mappingSchema(k.Name)
	case KeyMappings:
		entries := mappingSchema(map[string]string{"steps": Step, "unless": Exception, "cases": Case}[k.Name])
		if k.Name == "steps" {
			return schema{"type": "array", "items": entries, "minItems": MinSteps, "maxItems": MaxSteps}
		}
		return listSchema(entries)
	}
	return text()
}

const (
	thresholdPattern = `^thresholds\.[a-z][a-z0-9_]*$`
	durationPattern  = `^([0-9]+(\.[0-9]+)?(h|m|s|ms|us|µs|ns))+$`
)

func listSchema(items schema) schema {
	return schema{"type": []string{"array", "null"}, "items": items}
}

func nameSchema() schema {
	return schema{"pattern": listNamePattern.String(), "maxLength": maxListName}
}

// conditionSchema is of an expression, of which a schema can say only that it
// is a text. The examples are what editors offer.
func conditionSchema() schema {
	return schema{"type": "string", "minLength": 1, "maxLength": MaxExpression}
}

func listsSchema() schema {
	port := schema{"anyOf": []schema{{"type": "integer", "minimum": 1, "maximum": MaxPort}, {"type": "string", "pattern": `^[0-9]+( *- *[0-9]+)?$`}}}
	word := schema{"type": []string{"string", "number"}, "minLength": 1, "maxLength": event.MaxName}
	kinds := map[string]struct {
		doc   string
		items schema
	}{
		PortLists:    {"ports, or ranges such as 1000-2000; conn.port in ports.NAME", port},
		NetworkLists: {"networks and addresses; conn.peer in networks.NAME", schema{"type": "string", "pattern": `^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$`}},
		RoleLists:    {"roles of hosts; host in roles.NAME", word},
		HostLists:    {"names of hosts, with * for any text; host in hosts.NAME", word},
	}
	properties := func() schema {
		all := schema{}
		for _, kind := range ListKinds() {
			all[kind] = schema{"description": kinds[kind].doc, "type": []string{"object", "null"}, "propertyNames": nameSchema(), "additionalProperties": listSchema(kinds[kind].items)}
		}
		return all
	}
	s := schema{"type": "object", "properties": properties(), "additionalProperties": false}
	s["properties"].(schema)[AddKey] = schema{
		"description": "what is added to lists of an earlier directory", "type": "object", "properties": properties(), "additionalProperties": false,
	}
	return s
}
