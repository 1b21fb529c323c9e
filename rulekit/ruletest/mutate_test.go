package ruletest_test

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// change is a condition that is another one than it was, and how.
type change struct{ what, text string }

// token is a word, a text, a number or a sign of a condition.
type token struct {
	kind     byte // a letter of "word", "text", "number", "sign"
	text     string
	from, to int
}

func tokensOf(text string) (tokens []token) {
	isWord := func(c byte) bool {
		return c == '_' || c == '.' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
	}
	for i := 0; i < len(text); {
		from, c := i, text[i]
		kind := byte('s')
		switch {
		case c == ' ' || c == '\n' || c == '\t':
			i++
			continue
		case strings.HasPrefix(text[i:], "//"):
			for i < len(text) && text[i] != '\n' {
				i++
			}
			continue
		case c == '"':
			kind = 't'
			for i++; text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
			i++
		case c >= '0' && c <= '9':
			kind = 'n'
			for i < len(text) && (text[i] >= '0' && text[i] <= '9' || text[i] == '.' && i+1 < len(text) && text[i+1] != '.') {
				i++
			}
		case isWord(c) && c != '.':
			kind = 'w'
			for i < len(text) && isWord(text[i]) {
				i++
			}
		default:
			i++
			for _, sign := range []string{"==", "!=", "<=", ">=", ".."} {
				if strings.HasPrefix(text[from:], sign) {
					i = from + 2
				}
			}
		}
		tokens = append(tokens, token{kind, text[from:i], from, i})
	}
	return tokens
}

var opposite = map[string]string{"<": ">=", ">=": "<", ">": "<=", "<=": ">", "==": "!=", "!=": "=="}

// changesOf returns a condition in each other way in which a typing hand could
// have written it.
func changesOf(text string) (all []change) {
	tokens := tokensOf(text)
	replace := func(from, to int, with, what string) {
		all = append(all, change{what, text[:from] + with + text[to:]})
	}
	inList := 0
	for i, t := range tokens {
		before := token{}
		if i > 0 {
			before = tokens[i-1]
		}
		switch {
		case t.text == "[":
			inList++
			if end := closing(tokens, i); end > i+2 {
				all = append(all, withoutElements(text, tokens[i:end+1])...)
			}
		case t.text == "]":
			inList--
		case t.kind == 's' && opposite[t.text] != "":
			replace(t.from, t.to, opposite[t.text], fmt.Sprintf("%s for %s after %s", opposite[t.text], t.text, before.text))
		case t.text == "not" && i+1 < len(tokens) && tokens[i+1].text != "in":
			replace(t.from, tokens[i+1].from, "", "without the not before "+said(text, tokens[i+1]))
		case t.kind == 'n' && inList == 0:
			for _, n := range otherNumbers(t.text) {
				replace(t.from, t.to, n, fmt.Sprintf("%s for %s after %s", n, t.text, before.text))
			}
		case t.kind == 't' && before.text == "(" && i > 1 && tokens[i-2].text == "duration":
			for _, d := range otherDurations(strings.Trim(t.text, `"`)) {
				replace(t.from, t.to, strconv.Quote(d), d+" for "+t.text)
			}
		case t.kind == 'w' && isList(t.text):
			kind, _, _ := strings.Cut(t.text, ".")
			replace(t.from, t.to, kind+"."+nothing, tokens[max(0, i-2)].text+" in an empty list for "+t.text)
		}
	}
	return append(all, withoutParts(text, "", tokens)...)
}

// nothing is the name of empty lists.
const nothing = "nothing_at_all"

func isList(word string) bool {
	kind, name, ok := strings.Cut(word, ".")
	return ok && name != "" && slices.Contains([]string{"ports", "networks", "roles", "hosts"}, kind)
}

func said(text string, t token) string {
	rest := text[t.from:]
	if end := strings.IndexByte(rest, '\n'); end >= 0 {
		rest = rest[:end]
	}
	return rest
}

func closing(tokens []token, i int) int {
	depth := 0
	for ; i < len(tokens); i++ {
		switch tokens[i].text {
		case "(", "[":
			depth++
		case ")", "]":
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return i - 1
}

// withoutElements drops each element of a list.
func withoutElements(text string, list []token) (all []change) {
	for i := 1; i < len(list)-1; i++ {
		if list[i].text == "," {
			continue
		}
		from, to := list[i].from, list[i].to
		if list[i+1].text == "," {
			to = list[i+1].to
		} else if list[i-1].text == "," {
			from = list[i-1].from
		}
		all = append(all, change{"a list without " + list[i].text, text[:from] + text[to:]})
	}
	return all
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// withoutParts drops each part that is joined by and, on its own; or stays as it
// is, but for the parts in its parts.
func withoutParts(text, of string, tokens []token) (all []change) {
	type part struct{ from, to int } // tokens
	var parts []part
	group := func() {
		for i, p := range parts {
			if len(parts) == 1 {
				break
			}
			from, to := tokens[p.from].from, tokens[p.to-1].to
			what := "without " + oneLine(text[from:to]) + of
			if i == 0 {
				to = tokens[parts[1].from].from
			} else {
				from = tokens[parts[i-1].to-1].to
			}
			all = append(all, change{what, text[:from] + text[to:]})
		}
		parts = nil
	}
	begin := 0
	for i := 0; i <= len(tokens); i++ {
		if i < len(tokens) && (tokens[i].text == "(" || tokens[i].text == "[") {
			end := closing(tokens, i)
			if call := i > 0 && tokens[i-1].kind == 'w' && !slices.Contains([]string{"and", "or", "not", "in"}, tokens[i-1].text); !call {
				all = append(all, withoutParts(text, " in "+oneLine(text[tokens[i].from:tokens[end].to]), tokens[i+1:end])...)
			}
			i = end
			continue
		}
		if i == len(tokens) || tokens[i].text == "and" || tokens[i].text == "or" {
			if i > begin {
				parts = append(parts, part{begin, i})
			}
			if i == len(tokens) || tokens[i].text == "or" {
				group()
			}
			begin = i + 1
		}
	}
	return all
}

// otherNumbers are clearly less and clearly more.
func otherNumbers(text string) (others []string) {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil
	}
	if n == 0 {
		return []string{"3"}
	}
	if n != math.Trunc(n) {
		return []string{strconv.FormatFloat(n/3, 'g', 4, 64), strconv.FormatFloat(n*3, 'g', 4, 64)}
	}
	if n == 1 {
		return []string{"3"}
	}
	return []string{strconv.Itoa(max(1, int(n)/3)), strconv.Itoa(int(n) * 3)}
}

func otherDurations(text string) []string {
	d, err := time.ParseDuration(text)
	if err != nil {
		return nil
	}
	return []string{(d / 3).Round(time.Second).String(), (3 * d).String()}
}
