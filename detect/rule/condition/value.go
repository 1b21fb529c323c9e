package condition

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker"

	"headstart/event"
)

// Value is a compiled expression that has a value: what the matches of a
// pattern are known by, and what is counted or summed.
type Value struct {
	Clause        // without a program: not given
	Kind   string // one of the keyTypes
}

// Given reports whether there is an expression.
func (v *Value) Given() bool { return v.program != nil }

// CompileValue compiles an expression whose value is a number, or of one of the
// [keyTypes], or returns its errors.
func (l *Language) CompileValue(text string, in Frame, kinds ...string) (Value, []Error) {
	tree, errs := l.Parse(text)
	if errs != nil {
		return Value{}, errs
	}
	start := startOf(tree.Node)
	r := newResolver(l, in, tree.Node)
	kind := plain(r.expression(&tree.Node))
	if len(r.errors) > 0 || r.unsure {
		return Value{}, r.errors
	}
	if !r.usesField {
		return Value{}, []Error{{start, "this is always the same; name a field, such as host.name or conn.peer"}}
	}
	ast.Walk(&tree.Node, l.calculator)
	checked, err := checker.Check(tree, l.values.of(r.baseline))
	if err != nil {
		return Value{}, []Error{errorOf(err, start)}
	}
	if kind == Unknown {
		kind = kindOfValue(checked)
	}
	if !slices.Contains(kinds, kind) {
		wanted := "text, a number, an address, an end, or true or false"
		if len(kinds) == 1 {
			wanted = "a number"
		}
		return Value{}, []Error{{start, fmt.Sprintf("this must be %s; it is of the type %s", wanted, inWords(kind))}}
	}
	c, err := l.clause(tree.Node, tree, l.values)
	if err != nil {
		return Value{}, []Error{errorOf(err, start)}
	}
	return Value{c, kind}, nil
}

// kindOfValue is the language's name of a type; of one that it hasn't, Go's.
func kindOfValue(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[string]():
		return TypeText
	case reflect.TypeFor[int](), reflect.TypeFor[float64]():
		return TypeNumber
	case reflect.TypeFor[bool]():
		return TypeBool
	case reflect.TypeFor[event.Address]():
		return TypeAddress
	case reflect.TypeFor[End]():
		return TypeEnd
	default:
		return t.String()
	}
}

// KeyTypes are the types of which a key can be.
func KeyTypes() []string { return []string{TypeText, TypeNumber, TypeAddress, TypeBool, TypeEnd} }

// append adds an end as people write it: web-01, 10.1.1.10, web-01:443.
func (e End) append(b []byte) []byte {
	if e.Name != "" {
		b = append(b, withoutSeparator(e.Name)...)
	} else {
		b = e.Address.Netip().AppendTo(b)
	}
	if e.Port != 0 {
		b = strconv.AppendUint(append(b, ':'), uint64(e.Port), 10)
	}
	return b
}

// AppendValue adds a value as the language writes it; addresses plainly.
func AppendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return append(b, withoutSeparator(v)...)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case float64:
		return strconv.AppendFloat(b, v, 'f', -1, 64)
	case bool:
		return strconv.AppendBool(b, v)
	case event.Address:
		return v.Netip().AppendTo(b)
	case End:
		return v.append(b)
	default:
		return fmt.Append(b, v)
	}
}

// KeySeparator stands between the values of a key. No value has one.
const KeySeparator = "\x00"

// withoutSeparator keeps a text, which may be a hostile host's, from being
// taken for two values.
func withoutSeparator(text string) string {
	if !strings.Contains(text, KeySeparator) {
		return text
	}
	return strings.ReplaceAll(text, KeySeparator, "\ufffd")
}
