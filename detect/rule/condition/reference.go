package condition

import (
	"reflect"
	"strings"
	"time"

	"headstart/event"
)

// Field is one thing that a condition can use.
type Field struct {
	Name    string   `json:"name"`             // conn.age.min
	Type    string   `json:"type"`             // one of the Type constants
	Values  []string `json:"values,omitempty"` // all it can be, for a text with few values
	Doc     string   `json:"doc"`              // what it means
	Example string   `json:"example"`          // a condition with it
}

// The types of the language, in its authors' words.
const (
	TypeText      = "text"
	TypeNumber    = "number"
	TypePort      = "port" // a number from 0 to 65535
	TypeBool      = "true or false"
	TypeDuration  = "duration"
	TypeTime      = "time"
	TypeAddress   = "address"
	TypeEnd       = "end" // of a connection; only a pattern's key
	TypeTexts     = "list of texts"
	TypeAddresses = "list of addresses"
)

// Reference returns every field of [Env] in order: the one source of the
// reference page, of the check of names, and of "did you mean".
func Reference() []Field {
	values := make(map[string][]string)
	for _, d := range Dimensions() {
		values[d.Field] = d.values()
	}
	return appendFields(nil, reflect.TypeFor[Env](), "", values)
}

func appendFields(fields []Field, t reflect.Type, prefix string, values map[string][]string) []Field {
	for i := range t.NumField() {
		f := t.Field(i)
		name := prefix + f.Tag.Get("expr")
		if f.Anonymous {
			fields = appendFields(fields, f.Type, prefix, values)
			continue
		}
		if f.Tag.Get("expr") == "" {
			continue // not for conditions
		}
		if f.Tag.Get("doc") == "" {
			fields = appendFields(fields, f.Type, name+".", values)
			continue
		}
		fields = append(fields, Field{
			Name:    name,
			Type:    typeOf(f),
			Values:  values[name],
			Doc:     f.Tag.Get("doc"),
			Example: strings.ReplaceAll(f.Tag.Get("example"), "{}", strings.TrimSuffix(prefix, ".")),
		})
	}
	return fields
}

func typeOf(f reflect.StructField) string {
	if kind := f.Tag.Get("kind"); kind != "" {
		return kind
	}
	t := f.Type
	if c, ok := reflect.New(t).Elem().Interface().(interface{ typeOfField() reflect.Type }); ok {
		t = c.typeOfField()
	}
	switch t {
	case reflect.TypeFor[string]():
		return TypeText
	case reflect.TypeFor[int](), reflect.TypeFor[float64]():
		return TypeNumber
	case reflect.TypeFor[bool]():
		return TypeBool
	case reflect.TypeFor[End]():
		return TypeEnd
	case reflect.TypeFor[time.Duration]():
		return TypeDuration
	case reflect.TypeFor[time.Time]():
		return TypeTime
	case reflect.TypeFor[event.Address]():
		return TypeAddress
	case reflect.TypeFor[[]string]():
		return TypeTexts
	case reflect.TypeFor[[]event.Address]():
		return TypeAddresses
	default:
		panic("condition: the environment has a field of type " + f.Type.String() + ", which the language doesn't")
	}
}
