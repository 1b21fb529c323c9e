package backtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"

	"headstart/detect/rule"
	"headstart/event"
	"headstart/term"
)

// FieldChange is a field of a rule that differs, with its values if they are short.
type FieldChange struct {
	Field string `json:"field"`
	Old   string `json:"old,omitempty"`
	New   string `json:"new,omitempty"`
}

// RuleChange is a rule of both sets that differs.
type RuleChange struct {
	Rule   string        `json:"rule"`
	Fields []FieldChange `json:"fields"`
}

// RuleChanges are the differences of two sets, disabled rules included.
type RuleChanges struct {
	Added   []string     `json:"added"`
	Removed []string     `json:"removed"`
	Changed []RuleChange `json:"changed"`
	Lists   []ListChange `json:"lists"` // and macros
}

// ListChange is a list, or a macro, that differs.
type ListChange struct {
	Name string   `json:"name"` // ports.database, macros.login
	More []string `json:"more"` // entries of the new one
	Less []string `json:"less"`
}

// None reports whether the sets are the same.
func (c *RuleChanges) None() bool {
	return len(c.Added)+len(c.Removed)+len(c.Changed)+len(c.Lists) == 0
}

// CompareRules compares two sets.
func CompareRules(old, new *rule.Set) RuleChanges {
	c := RuleChanges{Added: []string{}, Removed: []string{}, Changed: []RuleChange{}, Lists: compareLists(old.Contents(), new.Contents())}
	for _, r := range old.Rules {
		if new.Rule(r.ID) == nil {
			c.Removed = append(c.Removed, r.ID)
		}
	}
	for _, r := range new.Rules {
		before := old.Rule(r.ID)
		if before == nil {
			c.Added = append(c.Added, r.ID)
			continue
		}
		if fields := changedFields(before, r); fields != nil {
			c.Changed = append(c.Changed, RuleChange{r.ID, fields})
		}
	}
	return c
}

func compareLists(old, new map[string][]string) []ListChange {
	all := []ListChange{}
	names := maps.Clone(old)
	maps.Copy(names, new)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		more, less := difference(old[name], new[name]), difference(new[name], old[name])
		_, before := old[name]
		_, after := new[name]
		if len(more)+len(less) > 0 || before != after {
			all = append(all, ListChange{name, texts(more), texts(less)})
		}
	}
	return all
}

// unevaluated fields have no effect on alerts.
var unevaluated = []string{"ID", "File", "Tests", "Overrides"}

// changedFields compares two rules field by field.
func changedFields(old, new *rule.Rule) []FieldChange {
	var all []FieldChange
	a, b := reflect.ValueOf(old).Elem(), reflect.ValueOf(new).Elem()
	for i := range a.NumField() {
		f := a.Type().Field(i)
		if !f.IsExported() || slices.Contains(unevaluated, f.Name) {
			continue
		}
		before, beforeShort := show(a.Field(i).Interface())
		after, afterShort := show(b.Field(i).Interface())
		if before == after {
			continue
		}
		change := FieldChange{Field: fieldName(f.Name)}
		if beforeShort && afterShort {
			change.Old, change.New = before, after
		}
		all = append(all, change)
	}
	return all
}

// show returns a value as text, and whether it is short.
func show(v any) (text string, short bool) {
	switch v := v.(type) {
	case string:
		return v, len(v) <= 60 && !strings.Contains(v, "\n")
	case time.Duration:
		return term.Duration(v), true
	case bool, float64, event.Severity:
		return fmt.Sprint(v), true
	case []rule.Threshold:
		var all []string
		for _, t := range v {
			all = append(all, t.Name+": "+t.Value)
		}
		slices.Sort(all)
		text = strings.Join(all, ", ")
		return text, len(text) <= 60
	case []string:
		text = strings.Join(v, ", ")
		return text, len(text) <= 60
	}
	var plain any
	data, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(data, &plain)
	}
	if err == nil {
		data, err = json.Marshal(placeless(plain))
	}
	if err != nil {
		return fmt.Sprintf("%v", v), false
	}
	return string(data), false
}

// placeless removes files and lines.
func placeless(v any) any {
	switch v := v.(type) {
	case map[string]any:
		delete(v, "File")
		delete(v, "Line")
		for key := range v {
			v[key] = placeless(v[key])
		}
	case []any:
		for i := range v {
			v[i] = placeless(v[i])
		}
	}
	return v
}

// fieldName returns a field's key in a rule file.
func fieldName(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
