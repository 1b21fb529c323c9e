package ruletest

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"headstart/detect/rule"
	"headstart/event"
	"headstart/suggest"
	"headstart/yamlsrc"
)

// word is a word of a line, with its place.
type word struct {
	text   string
	line   *rule.Line
	offset int // characters of the line before it
}

func wordsOf(l *rule.Line) (words []word) {
	runes := []rune(l.Text)
	for i := 0; i < len(runes); {
		if unicode.IsSpace(runes[i]) {
			i++
			continue
		}
		from := i
		for i < len(runes) && !unicode.IsSpace(runes[i]) {
			i++
		}
		words = append(words, word{string(runes[from:i]), l, from})
	}
	return words
}

// part returns a part of a word that begins at a byte offset.
func (w word) part(text string, after int) word {
	return word{text, w.line, w.offset + len([]rune(w.text[:after]))}
}

// split cuts a word at a separator.
func (w word) split(separator string) (parts []word) {
	after := 0
	for text := range strings.SplitSeq(w.text, separator) {
		parts = append(parts, w.part(text, after))
		after += len(text) + len(separator)
	}
	return parts
}

// errorf notes an error at a word.
func (r *reader) errorf(w word, format string, args ...any) {
	r.failed = true
	switch {
	case len(r.errors) > maxErrors:
		return
	case len(r.errors) == maxErrors:
		r.errors = append(r.errors, &yamlsrc.Diagnostic{File: r.suite.File, Message: fmt.Sprintf("more than %d errors in the tests: the others are not shown", maxErrors)})
		return
	}
	e := &yamlsrc.Diagnostic{File: r.suite.File, Message: fmt.Sprintf(format, args...)}
	if w.line != nil {
		e.File = w.line.File
		e.Line, e.Column = w.line.Line, w.line.Column+w.offset
		e.Source = strings.Repeat(" ", w.line.Column-1) + w.line.Text
	}
	r.errors = append(r.errors, e)
}

// short cuts a word for a message.
func short(text string) string {
	const most = 60
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

func (r *reader) duration(w word) (d time.Duration, ok bool) {
	d, err := time.ParseDuration(w.text)
	switch {
	case err != nil && w.text != "" && strings.Trim(w.text, "0123456789") == "":
		r.errorf(w, "the duration %s has no unit: write %ss for seconds", short(w.text), short(w.text))
	case err != nil:
		r.errorf(w, "%q is not a duration such as 30s, 5m or 1h30m", short(w.text))
	case d <= 0 || d > maxLength:
		r.errorf(w, "a duration must be above 0 and at most %d days, not %s", int(maxLength.Hours()/24), w.text)
	default:
		return d, true
	}
	return 0, false
}

func (r *reader) number(w word, what string, least, most int) (n int, ok bool) {
	n, err := strconv.Atoi(w.text)
	if err != nil || n < least || n > most {
		r.errorf(w, "%s is a number from %d to %d, not %q", what, least, most, short(w.text))
		return 0, false
	}
	return n, true
}

// time reads a time of day, to the second or to the minute. Hours from 24 on are
// those of the next day.
func (r *reader) time(w word) (time.Duration, bool) {
	parts := strings.Split(w.text, ":")
	if len(parts) == 2 {
		parts = append(parts, "00")
	}
	var at time.Duration
	for i, unit := range []time.Duration{time.Hour, time.Minute, time.Second} {
		if len(parts) != 3 || len(parts[i]) != 2 || strings.Trim(parts[i], "0123456789") != "" {
			r.errorf(w, "%q is not a time of the day such as 14:31:28", short(w.text))
			return 0, false
		}
		n, _ := strconv.Atoi(parts[i])
		if most := []int{int(maxCase/time.Hour) - 1, 59, 59}[i]; n > most {
			r.errorf(w, "%q is not a time of the day such as 14:31:28, or of the next such as 26:00:00", short(w.text))
			return 0, false
		}
		at += time.Duration(n) * unit
	}
	return at, true
}

// timeOfDay formats a time as in the tables.
func (t *Suite) timeOfDay(at time.Time) string {
	d := at.Sub(dayStart(t.days + 1))
	if d < 0 {
		return at.Format(time.DateTime)
	}
	return fmt.Sprintf("%02d:%02d:%02d", int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60)
}

func (r *reader) port(w word) (uint16, bool) {
	n, ok := r.number(w, "a port", 1, 65535)
	return uint16(n), ok
}

// ports reads "22", "22,445" and "8001..8010".
func (r *reader) ports(w word) (ports []uint16, ok bool) {
	for _, one := range w.split(",") {
		first, last, isRange := strings.Cut(one.text, "..")
		from, valid := r.port(one.part(first, 0))
		if !valid {
			return nil, false
		}
		to := from
		if isRange {
			if to, valid = r.port(one.part(last, len(first)+2)); !valid {
				return nil, false
			}
		}
		if to < from || len(ports)+int(to-from) >= maxPorts {
			r.errorf(one, "a range of ports must ascend, and a line has at most %d", maxPorts)
			return nil, false
		}
		for port := int(from); port <= int(to); port++ {
			ports = append(ports, uint16(port))
		}
	}
	return ports, true
}

const maxPorts = 256

// machines reads a list of names, addresses, and ranges of both. An address that
// is not in the table of hosts belongs to no host.
func (r *reader) machines(w word) (all []*machine, ok bool) {
	for _, one := range w.split(",") {
		first, last, isRange := strings.Cut(one.text, "..")
		if address, err := netip.ParseAddr(strings.Trim(first, "[]")); err == nil {
			to := address
			if isRange {
				if to, err = netip.ParseAddr(strings.Trim(last, "[]")); err != nil {
					r.errorf(one.part(last, len(first)+2), "%q is not an address", short(last))
					return nil, false
				}
			}
			addresses := addressesBetween(address, to)
			if addresses == nil {
				r.errorf(one, "a range of addresses must ascend, by at most %d", maxHosts)
				return nil, false
			}
			for _, a := range addresses {
				all = append(all, r.at(a))
			}
			continue
		}
		names := namesBetween(one.text)
		if names == nil {
			r.errorf(one, "a range of hosts must ascend, by at most %d, as in web-01..web-03", maxHosts)
			return nil, false
		}
		for _, name := range names {
			m := r.host(one, name)
			if m == nil {
				return nil, false
			}
			all = append(all, m)
		}
	}
	if len(all) > maxHosts {
		r.errorf(w, "%d hosts, more than %d", len(all), maxHosts)
		return nil, false
	}
	twice := map[*machine]bool{}
	for _, m := range all {
		if twice[m] {
			r.errorf(w, "%s is listed twice", m.name)
			return nil, false
		}
		twice[m] = true
	}
	return all, true
}

// host returns the machine with a name, read from a word.
func (r *reader) host(w word, name string) *machine {
	m := r.suite.named[name]
	if m == nil && !r.blind {
		known := make([]string, 0, len(r.suite.named))
		for _, m := range r.suite.machines {
			known = append(known, m.name)
		}
		slices.Sort(known)
		r.errorf(w, "hosts has no %q%s", short(name), suggest.DidYouMean(name, known))
	}
	return m
}

func (r *reader) at(address netip.Addr) *machine {
	a := event.AddressFrom(address)
	for _, m := range r.suite.machines {
		if m.address == a {
			return m
		}
	}
	m := r.suite.unlisted[a]
	if m == nil {
		m = &machine{name: address.String(), address: a}
		r.suite.unlisted[a] = m
	}
	return m
}

// addressesBetween returns the addresses of a range, nil if it descends or is too
// long.
func addressesBetween(first, last netip.Addr) (all []netip.Addr) {
	if first.Is4() != last.Is4() {
		return nil
	}
	for a := first; a.IsValid() && a.Compare(last) <= 0; a = a.Next() {
		if len(all) == maxHosts {
			return nil
		}
		all = append(all, a)
	}
	return all
}

// namesBetween returns the names of "web-01..web-03", or a single name; nil if a
// range descends, is too long or invalid.
func namesBetween(text string) (names []string) {
	first, last, ok := strings.Cut(text, "..")
	if !ok {
		return []string{text}
	}
	stem := strings.TrimRight(first, "0123456789")
	digits := len(first) - len(stem)
	number, ok := strings.CutPrefix(last, stem)
	from, err := strconv.Atoi(first[len(stem):])
	to, errTo := strconv.Atoi(number)
	if !ok || err != nil || errTo != nil || to < from || to-from >= maxHosts || digits > 9 {
		return nil
	}
	for n := from; n <= to; n++ {
		names = append(names, fmt.Sprintf("%s%0*d", stem, digits, n))
	}
	return names
}
