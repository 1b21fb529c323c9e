package condition

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"headstart/detect/rule/schema"
	"headstart/yamlsrc"
)

// syntaxError explains what expr's parser could not read.
func syntaxError(text string, err error) Error {
	m := errorOf(err, 0)
	runes := []rune(text)
	at := min(max(0, m.Offset), len(runes))
	rest := runes[at:]
	word := firstWord(rest)
	open, closed := unbalanced(runes)
	switch {
	case strings.Contains(m.Message, "exceeds maximum allowed nodes"):
		return Error{0, fmt.Sprintf("the expression has more than %d parts; keep values in %s or make two rules of it", maxNodes, schema.ListsFile)}
	case strings.Contains(m.Message, "literal not terminated"):
		if at := openQuote(runes); at >= 0 {
			return Error{at, fmt.Sprintf("the quote (%c) that begins here isn't closed", runes[at])}
		}
	case closed >= 0 && closed <= at:
		return Error{closed, fmt.Sprintf("a bracket %c too many: none is open here", runes[closed])}
	case strings.Contains(m.Message, "token EOF"):
		if open >= 0 && len(runes) < maxBalanced {
			return Error{open, fmt.Sprintf("the bracket %c that begins here isn't closed", runes[open])}
		}
		return Error{m.Offset, "the expression ends too early"}
	}
	if explained := operatorError(runes, at, word); explained != "" {
		m.Message = explained
	} else if open >= 0 && (word == "" || !isLowerWord(word)) && len(rest) > 0 && !unicode.IsLetter(rest[0]) {
		return Error{open, fmt.Sprintf("the bracket %c that begins here isn't closed", runes[open])}
	} else if strings.HasPrefix(m.Message, "unexpected token") {
		m.Message = unexpected(rest, word)
	}
	return m
}

// maxBalanced is the length of an expression, in characters, from which an
// open bracket isn't looked for: who nests so deep knows where.
const maxBalanced = 4000

// unbalanced returns the last bracket that isn't closed, and the first that
// closes none; negative for none.
func unbalanced(text []rune) (open, closed int) {
	var stack []int
	var quote rune
	for i := 0; i < len(text); i++ {
		switch r := text[i]; {
		case quote != 0 && r == '\\':
			i++
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case r == '"' || r == '\'' || r == '`':
			quote = r
		case r == '(' || r == '[' || r == '{':
			stack = append(stack, i)
		case r == ')' || r == ']' || r == '}':
			if len(stack) == 0 {
				return -1, i
			}
			stack = stack[:len(stack)-1]
		}
	}
	if len(stack) == 0 {
		return -1, -1
	}
	return stack[len(stack)-1], -1
}

// openQuote returns where a quote begins that a line doesn't close, negative
// for nowhere.
func openQuote(text []rune) int {
	begins, quote := -1, rune(0)
	for i := 0; i < len(text); i++ {
		switch r := text[i]; {
		case quote == 0 && (r == '"' || r == '\''):
			begins, quote = i, r
		case quote != 0 && r == '\\':
			i++
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0 && r == '\n':
			return begins
		}
	}
	if quote != 0 {
		return begins
	}
	return -1
}

// operatorError explains operators of other languages; empty for what is none.
func operatorError(text []rune, at int, word string) string {
	rest := text[at:]
	before := rune(0)
	if at > 0 {
		before = text[at-1]
	}
	switch strings.ToLower(word) {
	case "and", "or", "not", "in", "matches", "contains":
		if word != strings.ToLower(word) {
			return fmt.Sprintf("%s is written in lower case: %s", word, strings.ToLower(word))
		}
	case "is", "eq", "equals", "exact":
		return fmt.Sprintf("%q is no operator; write == for equal, != for not equal", word)
	case "ne", "isnt":
		return fmt.Sprintf("%q is no operator; write != for not equal", word)
	case "gt", "ge", "gte", "lt", "le", "lte":
		return fmt.Sprintf("%q is no operator; write >, >=, < or <=", word)
	case "like", "ilike", "glob", "regex", "re", "rlike", "pmatch", "startswith", "endswith", "icontains":
		return fmt.Sprintf("%q is no operator; write startsWith, endsWith, contains or, for a regular expression, matches", word)
	}
	if len(rest) == 0 {
		return ""
	}
	switch first := rest[0]; {
	case word == "" && first == '=':
		return "= compares nothing; write == for equal"
	case first == '>' && before == '<':
		return "<> is no operator; write != for not equal"
	case first == '&':
		return "& is no operator; write and"
	case first == '|':
		return "| is no operator; write or"
	}
	return ""
}

// unexpected says that something can't stand where it stands.
func unexpected(rest []rune, word string) string {
	switch {
	case word == "and" || word == "or":
		return word + " has nothing to connect here"
	case slices.Contains([]string{"conn", "host", "peer", "baseline", "now", "not", "fired", "macros", "any", "all", "none"}, word):
		return "and or or is missing before this"
	case word != "":
		return yamlsrc.Short(word) + " can't stand here; a text is written in quotes, and conditions are joined by and or or"
	case len(rest) > 0:
		return fmt.Sprintf("%c can't stand here", rest[0])
	}
	return "the expression ends too early"
}

func isLowerWord(word string) bool { return word != "" && word == strings.ToLower(word) }

func firstWord(text []rune) string {
	end := 0
	for end < len(text) && unicode.IsLetter(text[end]) {
		end++
	}
	return string(text[:end])
}
