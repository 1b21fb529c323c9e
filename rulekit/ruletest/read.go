package ruletest

import (
	"cmp"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"headstart/detect/rule"
	"headstart/event"
	"headstart/suggest"
	"headstart/yamlsrc"
)

// reader reads a rule's tests.
type reader struct {
	set     *rule.Set
	suite   *Suite
	errors  yamlsrc.Diagnostics
	failed  bool // a word of the line at hand is invalid
	blind   bool // the table of hosts has errors: unknown names may be theirs
	total   int  // connections of the routines so far
	inCases int  // and of the cases
	source  map[*machine]int
}

// Read reads the tests of a rule of a set, which has some. It returns all errors,
// by line and column; then the suite is nil.
func Read(set *rule.Set, of *rule.Rule) (*Suite, yamlsrc.Diagnostics) {
	t := &Suite{
		Rule: of.ID, File: of.Tests.File, days: of.Tests.LearnDays, named: map[string]*machine{}, unlisted: map[event.Address]*machine{}, listens: map[listening]bool{},
	}
	r := &reader{set: set, suite: t, source: map[*machine]int{}}
	for i := range of.Tests.Hosts {
		r.hostsLine(wordsOf(&of.Tests.Hosts[i]))
	}
	r.blind = len(r.errors) > 0
	for i := range of.Tests.Usual {
		r.routine(wordsOf(&of.Tests.Usual[i]))
	}
	r.expandRoutines(of)
	for i := range of.Tests.Cases {
		r.testCase(&of.Tests.Cases[i])
	}
	r.boundReadings(of)
	if len(r.errors) > 0 {
		slices.SortStableFunc(r.errors, func(a, b *yamlsrc.Diagnostic) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
		})
		return nil, r.errors
	}
	t.findListeners()
	return t, nil
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9](\.?[A-Za-z0-9_-])*$`)

// hostsLine reads "NAME ADDRESS [reports|listed] [clock=…] [since=DAY] [ROLE…]".
func (r *reader) hostsLine(words []word) {
	if len(words) < 2 {
		r.errorf(words[0], "a host is a name and an address, then \"reports\" if it has a poller, and its roles: web-01 10.1.1.11 reports web")
		return
	}
	names := namesBetween(words[0].text)
	if names == nil {
		r.errorf(words[0], "a range of hosts must ascend, by at most %d, as in web-01..web-03", maxHosts)
		return
	}
	address, err := netip.ParseAddr(words[1].text)
	if err != nil || address.Zone() != "" || address.IsUnspecified() {
		r.errorf(words[1], "%q is not an address", short(words[1].text))
		return
	}
	one := machine{}
	for _, w := range words[2:] {
		r.is(&one, w)
	}
	for _, name := range names {
		_, isAddress := netip.ParseAddr(name)
		switch {
		case len(r.suite.machines) == maxHosts:
			r.errorf(words[0], "a test has at most %d hosts", maxHosts)
			return
		case !hostName.MatchString(name) || len(name) > event.MaxName || isAddress == nil:
			r.errorf(words[0], "%q can't be the name of a host: letters, digits, hyphens and dots", short(name))
			return
		case r.suite.named[name] != nil:
			r.errorf(words[0], "there is a host %s already", name)
			return
		case !address.IsValid():
			r.errorf(words[1], "too few addresses follow for the hosts of the range")
			return
		}
		m := one
		m.name, m.number, m.address = name, len(r.suite.machines), event.AddressFrom(address)
		m.phase = time.Duration(m.number*7%30) * time.Second
		for _, other := range r.suite.machines {
			if other.address == m.address {
				r.errorf(words[1], "%s has the address %s already", other.name, address)
				return
			}
		}
		r.suite.machines, r.suite.named[name] = append(r.suite.machines, &m), &m
		address = address.Next()
	}
}

func (r *reader) is(m *machine, w word) {
	name, value, given := strings.Cut(w.text, "=")
	rest := w.part(value, min(len(name)+1, len(w.text)))
	switch {
	case w.text == "reports":
		m.reports = true
	case w.text == "listed":
		m.listed = true
	case name == "clock" && given:
		d, err := time.ParseDuration(value)
		if err != nil || d.Abs() > 24*time.Hour {
			r.errorf(rest, "clock= is a duration such as 3s or -1500ms, not %q", short(value))
		}
		m.offset = d
	case name == "since" && given:
		if day, ok := r.number(rest, "since=", 1, rule.MaxTestDays+1); ok {
			m.since = dayStart(day)
		}
	case given:
		r.errorf(w, "%q is unknown: a host has clock= and since=", short(name))
	case len(w.text) > event.MaxName || len(m.roles) == event.MaxRoles:
		r.errorf(w, "a role has at most %d characters, a host at most %d roles", event.MaxName, event.MaxRoles)
	default:
		m.roles = append(m.roles, w.text)
	}
}

// expect reads "TIME RULE HOST", "never RULE" and "never *".
func (r *reader) expect(c *Case, words []word) {
	e := expected{text: words[0].line.Text, line: words[0].line.Line, column: words[0].line.Column}
	r.failed = false
	if words[0].text == "never" && len(words) == 2 {
		e.rule, e.never = words[1].text, true
		if e.rule != anyRule {
			r.knownRule(words[1])
		}
	} else {
		if len(words) != 3 {
			r.errorf(words[0], "a line of alerts is \"TIME RULE HOST\", or \"never RULE\", or \"never *\"")
			return
		}
		at, _ := r.time(words[0])
		e.at = dayStart(r.suite.days + 1).Add(at)
		e.rule, e.host = words[1].text, words[2].text
		r.knownRule(words[1])
		if m := r.host(words[2], e.host); m != nil && !m.reports {
			r.errorf(words[2], "%s has no poller: an alert names the reporting host", e.host)
		}
	}
	if r.failed {
		return
	}
	for i := range c.expected {
		if other := &c.expected[i]; other.never != e.never && other.rule == e.rule {
			r.errorf(words[0], "line %d contradicts this for %s", other.line, e.rule)
			return
		}
	}
	if e.rule == r.suite.Rule || e.never && e.rule == anyRule {
		c.Fires, c.Silent = c.Fires || !e.never, c.Silent || e.never
	}
	c.expected = append(c.expected, e)
}

func (r *reader) knownRule(w word) {
	if r.set.Rule(w.text) != nil {
		return
	}
	var ids []string
	for _, one := range r.set.Rules {
		ids = append(ids, one.ID)
	}
	r.errorf(w, "there is no rule %s%s", short(w.text), suggest.DidYouMean(w.text, ids))
}

func (r *reader) testCase(of *rule.Case) {
	c := &Case{Name: of.Name, File: of.File, Line: of.Line, begins: map[listening]time.Time{}, silent: map[*machine][]span{}}
	begin := dayStart(r.suite.days + 1)
	c.end = begin.Add(time.Minute)
	for i := range of.Connections {
		r.happens(c, begin, wordsOf(&of.Connections[i]))
	}
	if c.dense.IsZero() {
		c.dense = c.end
	}
	c.dense = latest(c.dense, begin)
	for i := range of.Alerts {
		r.expect(c, wordsOf(&of.Alerts[i]))
	}
	for i := range c.expected {
		c.end = latest(c.end, c.expected[i].at.Add(2*interval))
	}
	r.suite.Cases = append(r.suite.Cases, c)
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// boundReadings rejects tests that need too many polls.
func (r *reader) boundReadings(of *rule.Rule) {
	reports := 0
	for _, m := range r.suite.machines {
		if m.reports {
			reports++
		}
	}
	perDay := int(24*time.Hour/interval) / quietReadings
	readings := r.suite.days*perDay*reports + 4*len(r.suite.learned)
	for _, c := range r.suite.Cases {
		readings += reports*(perDay+max(0, int(c.end.Sub(c.dense)/interval))) + 4*(len(c.flows)+len(r.suite.today))
	}
	if readings > maxReadings {
		r.errorf(r.anyWord(of),
			"these tests need %s polls, more than %s: use fewer hosts, days or cases, or shorter ones", thousands(readings), thousands(maxReadings))
	}
	if reports == 0 && !r.blind {
		r.errorf(r.anyWord(of), "no host has a poller: write \"reports\" after the address of those that do")
	}
}

// anyWord is the place of an error in the tests as a whole.
func (r *reader) anyWord(of *rule.Rule) word {
	if len(of.Tests.Hosts) == 0 {
		return word{}
	}
	return wordsOf(&of.Tests.Hosts[0])[0]
}

func thousands(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// findListeners finds the ports that accept connections: a program listens on
// them, unless a case sets when that begins.
func (t *Suite) findListeners() {
	note := func(flows []flow) {
		for i := range flows {
			if f := &flows[i]; !f.unanswered && f.to.reports {
				t.listens[listening{machine: f.to, port: f.port}] = true
			}
		}
	}
	note(t.learned)
	note(t.today)
	for _, c := range t.Cases {
		note(c.flows)
	}
	for _, c := range t.Cases {
		for l := range c.begins {
			delete(t.listens, listening{machine: l.machine, port: l.port})
		}
	}
}
