package rule

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker"

	"headstart/event"
)

// value is a compiled expression that has a value: what the matches of a
// pattern are known by, and what is counted or summed.
type value struct {
	clause        // without a program: not asked for
	kind   string // one of the keyTypes
}

// compileValue compiles an expression whose value is a number, or of one of the
// [keyTypes], or returns its mistakes.
func (l *language) compileValue(text string, in frame, kinds ...string) (value, []mistake) {
	tree, mistakes := l.parse(text)
	if mistakes != nil {
		return value{}, mistakes
	}
	start := startOf(tree.Node)
	r := newResolver(l, in, tree.Node)
	kind := plain(r.expression(&tree.Node))
	if len(r.mistakes) > 0 || r.unsure {
		return value{}, r.mistakes
	}
	if !r.asks {
		return value{}, []mistake{{start, "this is always the same; name a field, such as host.name or conn.peer"}}
	}
	ast.Walk(&tree.Node, l.calculator)
	checked, err := checker.Check(tree, l.values.of(r.baseline))
	if err != nil {
		return value{}, []mistake{mistakeOf(err, start)}
	}
	if kind == unknown {
		kind = kindOfValue(checked)
	}
	if !slices.Contains(kinds, kind) {
		wanted := "text, a number, an address, an end, or true or false"
		if len(kinds) == 1 {
			wanted = "a number"
		}
		return value{}, []mistake{{start, fmt.Sprintf("this must be %s; it is of the type %s", wanted, inWords(kind))}}
	}
	c, err := l.clause(tree.Node, tree, l.values)
	if err != nil {
		return value{}, []mistake{mistakeOf(err, start)}
	}
	return value{c, kind}, nil
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

// keyTypes are the types of which a key can be.
func keyTypes() []string { return []string{TypeText, TypeNumber, TypeAddress, TypeBool, TypeEnd} }

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

// appendValue adds a value as the language writes it; addresses plainly.
func appendValue(b []byte, v any) []byte {
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
