package yamlsrc

import (
	"fmt"
	"slices"
	"strings"
)

// explain says what is wrong with the line from which a file is no YAML; empty
// when only the parser knows. said is the parser's message.
func (f *File) explain(line int, said string) string {
	text := f.Line(line)
	key, value, hasKey := keyAndValue(text)
	if hint := f.quoteHint(key, value); hasKey && hint != "" {
		return hint
	}
	if hasKey && value != "" {
		if hint := valueHint(key, value); hint != "" {
			return hint
		}
	}
	indent, above := indentOf(text), f.fieldAbove(line)
	switch {
	case strings.Contains(said, "control characters"):
		return ""
	case strings.TrimSpace(text) != "" && !hasKey && !strings.HasPrefix(strings.TrimSpace(text), "- "):
		return f.strayLine(line, indent)
	case hasKey && above > 0 && indent != indentOf(f.Line(above)):
		return fmt.Sprintf("wrong indentation: %s has %s before it, and %s in line %d, beside which it seems to belong, has %s",
			Short(key), spaces(indent), Short(keyOf(f.Line(above))), above, spaces(indentOf(f.Line(above))))
	}
	return ""
}

// keyAndValue takes "- key: value" apart.
func keyAndValue(line string) (key, value string, ok bool) {
	line = strings.TrimPrefix(strings.TrimSpace(line), "- ")
	key, value, ok = strings.Cut(line, ":")
	if !ok || strings.ContainsAny(key, " \"'()") || value != "" && value[0] != ' ' {
		return "", "", false
	}
	return key, strings.TrimSpace(value), true
}

func keyOf(line string) string {
	key, _, _ := keyAndValue(line)
	return key
}

// quoteHint explains a common error: an expression that
// begins with a quoted text is for YAML a quoted text with something after it.
func (f *File) quoteHint(key, value string) string {
	if slices.Contains(f.dialect.Expressions, key) && value != "" && (value[0] == '"' || value[0] == '\'') {
		return `an expression that begins with a quote goes on lines of its own below "` + key + `: |"`
	}
	return ""
}

// valueHint says what a value begins that it doesn't end, or what else YAML
// takes it for.
func valueHint(key, value string) string {
	switch first := value[0]; {
	case first == '"' || first == '\'':
		inside := value[1:]
		if end := strings.IndexByte(inside, first); end < 0 {
			return fmt.Sprintf("the quote (%c) that begins here isn't closed", first)
		}
		return fmt.Sprintf("after the closing quote (%c) the value goes on; put all of it in quotes, or none", first)
	case first == '[' && !strings.Contains(value, "]"):
		return "the bracket [ that begins here isn't closed"
	case first == '{' && !strings.Contains(value, "}"):
		return "the bracket { that begins here isn't closed"
	case strings.IndexByte("*&!%@`", first) >= 0:
		return fmt.Sprintf("a value that begins with %c means something else to YAML (an alias, a tag or the like); put it in quotes", first)
	case strings.Contains(value, ": ") || strings.HasSuffix(value, ":"):
		return fmt.Sprintf(`a value with ": " in it goes in quotes (%s: "…"), or on lines of its own below "%s: |"`, Short(key), Short(key))
	}
	return ""
}

// strayLine explains a line that is no field.
func (f *File) strayLine(line, indent int) string {
	if word, _, _ := strings.Cut(strings.TrimSpace(f.Line(line)), " "); slices.Contains(f.dialect.Fields, word) {
		return "a colon is missing: " + word + ": …"
	}
	for above := line - 1; above > 0; above-- {
		text := strings.TrimRight(f.Line(above), " ")
		if text == "" {
			continue
		}
		if key, value, ok := keyAndValue(text); ok && indentOf(text) <= indent {
			if value == "|" || value == ">" {
				return fmt.Sprintf(`this line must be indented further than %s in line %d, by as much as the others below it`, Short(key), above)
			}
			return fmt.Sprintf(`this is no field; if it goes on with %s of line %d, write "%s: |" there and indent all of the text below it`, Short(key), above, Short(key))
		}
	}
	return ""
}

func indentOf(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

func spaces(n int) string {
	switch n {
	case 0:
		return "none"
	case 1:
		return "1 space"
	}
	return fmt.Sprintf("%d spaces", n)
}

// fieldAbove returns the line of the last field above a line that a field of it
// could stand beside, 0 when there is none.
func (f *File) fieldAbove(line int) int {
	indent, key := indentOf(f.Line(line)), keyOf(f.Line(line))
	nearest := 0
	for above := line - 1; above > 0; above-- {
		text := f.Line(above)
		if _, _, ok := keyAndValue(text); !ok || strings.HasPrefix(strings.TrimSpace(text), "#") {
			continue
		}
		at := indentOf(text)
		if nearest == 0 && at <= indent {
			nearest = above
		}
		if at == 0 && slices.Contains(f.dialect.Fields, key) && indent < 2 {
			return above
		}
	}
	return nearest
}
