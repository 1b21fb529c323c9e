package zeek

import (
	"encoding/json"
	"errors"
)

var (
	errNoObject = errors.New("no JSON object")
	errCutOff   = errors.New("the JSON object is cut off")
	errTrailing = errors.New("something follows the JSON object")
)

// scanJSON finds the fields of a JSON object. It skips other values by their
// brackets and quotes, so a syntax error in them can pass.
func (v *values) scanJSON(line []byte) error {
	*v = values{}
	i := space(line, 0)
	if i == len(line) || line[i] != '{' {
		return errNoObject
	}
	i = space(line, i+1)
	for {
		if i < len(line) && line[i] == '}' {
			if space(line, i+1) != len(line) {
				return errTrailing
			}
			return nil
		}
		if i == len(line) {
			return errCutOff
		}
		if line[i] != '"' {
			return errNoObject
		}
		key, end, escaped := quoted(line, i)
		if end < 0 {
			return errCutOff
		}
		f := none
		if !escaped {
			f = fieldOf(key)
		}
		i = space(line, end)
		if i == len(line) {
			return errCutOff
		}
		if line[i] != ':' {
			return errNoObject
		}
		if i = v.scanValue(line, space(line, i+1), f); i < 0 {
			return errCutOff
		}
		if i = space(line, i); i < len(line) && line[i] == ',' {
			i = space(line, i+1)
		} else if i == len(line) {
			return errCutOff
		} else if line[i] != '}' {
			return errNoObject
		}
	}
}

// scanValue keeps the value at i if it belongs to a field, and returns the index
// after it, -1 if the line ends before.
func (v *values) scanValue(line []byte, i int, f field) int {
	if i == len(line) {
		return -1
	}
	switch line[i] {
	case '"':
		text, end, escaped := quoted(line, i)
		if end < 0 || f == none {
			return end
		}
		if escaped {
			var s string
			if json.Unmarshal(line[i:end], &s) == nil {
				text = []byte(s)
			}
		}
		v[f] = text
		return end
	case '{', '[':
		return skipNested(line, i)
	}
	end := i
	for end < len(line) && line[end] != ',' && line[end] != '}' && line[end] > ' ' {
		end++
	}
	if f != none && string(line[i:end]) != "null" {
		v[f] = line[i:end]
	}
	return end
}

// skipNested returns the index after the brackets that open at i.
func skipNested(line []byte, i int) int {
	depth := 0
	for i < len(line) {
		switch line[i] {
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		case '"':
			_, end, _ := quoted(line, i)
			if end < 0 {
				return -1
			}
			i = end
			continue
		}
		i++
	}
	return -1
}

// quoted returns the text between the quotes that open at i, the index after them
// or -1, and whether the text has a backslash.
func quoted(line []byte, i int) (text []byte, end int, escaped bool) {
	for n := i + 1; n < len(line); n++ {
		switch line[n] {
		case '"':
			return line[i+1 : n], n + 1, escaped
		case '\\':
			escaped = true
			n++
		}
	}
	return nil, -1, false
}

func space(line []byte, i int) int {
	for i < len(line) && (line[i] == ' ' || line[i] == '\t' || line[i] == '\r') {
		i++
	}
	return i
}
