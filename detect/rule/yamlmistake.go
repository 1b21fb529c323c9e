package rule

import (
	"fmt"
	"slices"
	"strings"
)

// yamlMistake says what is wrong with a line with which a file stops being
// YAML, in the words of someone who writes rules; empty when only the parser
// knows. said is what the parser says.
func (s *source) yamlMistake(line int, said string) string {
	text := s.line(line)
	key, value, hasKey := keyAndValue(text)
	if hint := quoteHint(key, value); hasKey && hint != "" {
		return hint
	}
	if hasKey && value != "" {
		if hint := valueHint(key, value); hint != "" {
			return hint
		}
	}
	indent, above := indentOf(text), s.fieldAbove(line)
	switch {
	case strings.Contains(said, "control characters"):
		return ""
	case strings.TrimSpace(text) != "" && !hasKey && !strings.HasPrefix(strings.TrimSpace(text), "- "):
		return s.strayLine(line, indent)
	case hasKey && above > 0 && indent != indentOf(s.line(above)):
		return fmt.Sprintf("wrong indentation: %s has %s before it, and %s in line %d, beside which it seems to belong, has %s",
			short(key), spaces(indent), short(keyOf(s.line(above))), above, spaces(indentOf(s.line(above))))
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

// quoteHint explains the mistake that everybody makes once: an expression that
// begins with a quoted text is for YAML a quoted text with something after it.
func quoteHint(key, value string) string {
	if slices.Contains([]string{"when", "by", "of", "sum"}, key) && value != "" && (value[0] == '"' || value[0] == '\'') {
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
		return fmt.Sprintf(`a value with ": " in it goes in quotes (%s: "…"), or on lines of its own below "%s: |"`, short(key), short(key))
	}
	return ""
}

// strayLine explains a line that is no field.
func (s *source) strayLine(line, indent int) string {
	if word, _, _ := strings.Cut(strings.TrimSpace(s.line(line)), " "); slices.Contains(keysOf(inRule), word) {
		return "a colon is missing: " + word + ": …"
	}
	for above := line - 1; above > 0; above-- {
		text := strings.TrimRight(s.line(above), " ")
		if text == "" {
			continue
		}
		if key, value, ok := keyAndValue(text); ok && indentOf(text) <= indent {
			if value == "|" || value == ">" {
				return fmt.Sprintf(`this line must be indented further than %s in line %d, by as much as the others below it`, short(key), above)
			}
			return fmt.Sprintf(`this is no field; if it goes on with %s of line %d, write "%s: |" there and indent all of the text below it`, short(key), above, short(key))
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
func (s *source) fieldAbove(line int) int {
	indent, key := indentOf(s.line(line)), keyOf(s.line(line))
	nearest := 0
	for above := line - 1; above > 0; above-- {
		text := s.line(above)
		if _, _, ok := keyAndValue(text); !ok || strings.HasPrefix(strings.TrimSpace(text), "#") {
			continue
		}
		at := indentOf(text)
		if nearest == 0 && at <= indent {
			nearest = above
		}
		if at == 0 && slices.Contains(keysOf(inRule), key) && indent < 2 {
			return above
		}
	}
	return nearest
}
