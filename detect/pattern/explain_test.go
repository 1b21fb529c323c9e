package pattern_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"headstart/detect/pattern"
	"headstart/detect/rule"
	"headstart/event"
)

// seenAt is a match of web-01 to another host, some minutes after three.
func seenAt(n byte, minute int, part int, value string) pattern.Match {
	at := time.Date(2025, 6, 5, 15, minute, 0, 0, time.UTC)
	return pattern.Match{
		Rule: "r", Part: part, By: "web-01", Of: value, Baseline: 2, Host: "web-01", Connection: event.ConnectionID{n},
		At: at, OpenedAfter: at.Add(-30 * time.Second), OpenedBefore: at, SeenUntil: at.Add(time.Hour), State: event.Established,
		Edge: pattern.Edge{Source: event.AddressFrom4(1), Destination: event.AddressFrom4(uint32(n) + 2), SourceHost: "web-01", DestinationHost: value, SourcePort: uint16(n) + 1, Port: 445},
	}
}

func shown(c *pattern.Contents) string {
	if c == nil {
		return "nothing"
	}
	var matches []string
	for _, m := range c.Matches {
		matches = append(matches, fmt.Sprintf("%s#%d.%d", m.At.Format("15:04"), m.Connection[0], m.Step))
	}
	return fmt.Sprintf("%g of %g, above %g, %d held, %v, %s, fired %v", c.Reached, c.Needed, c.Above, c.Held, c.Values, strings.Join(matches, " "), c.Fired)
}

func TestContentsOfACountAreTheFullestWindow(t *testing.T) {
	p := pattern.New(pattern.Limits{})
	p.SetRules([]pattern.Rule{{ID: "r", Count: &rule.Count{By: []string{"host.name"}, Of: "conn.peer", Within: 10 * time.Minute, AtLeast: 4, AboveUsual: 1.5}}})
	if c := p.Explain("r", "web-01"); c != nil {
		t.Errorf("at first: %s", shown(c))
	}
	for n, minute := range []int{0, 5, 9, 9, 30} {
		p.Feed(seenAt(byte(n), minute, 0, []string{"fs-01", "fs-02", "fs-03", "fs-03", "fs-01"}[n]))
	}
	const want = "3 of 4, above 3, 4 held, [fs-01 fs-02 fs-03], 15:00#0.0 15:05#1.0 15:09#2.0, fired []"
	if got := shown(p.Explain("r", "web-01")); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if c := p.Explain("r", "web-02"); c != nil {
		t.Errorf("of another key: %s", shown(c))
	}
	fired := p.Feed(seenAt(9, 8, 0, "fs-04"))
	if c := p.Explain("r", "web-01"); len(fired) != 1 || !slices.Equal(c.Fired, []string{"2025-06-05"}) {
		t.Errorf("%d fired; then: %s", len(fired), shown(c))
	}
}

func TestContentsOfASequenceAreTheStepsThatMatched(t *testing.T) {
	p := pattern.New(pattern.Limits{})
	p.SetRules([]pattern.Rule{{ID: "r", Sequence: &rule.Sequence{Within: time.Hour, Steps: make([]rule.Step, 3)}}})
	p.Feed(seenAt(1, 2, 0, ""))
	p.Feed(seenAt(2, 4, 2, ""))
	p.Feed(seenAt(3, 6, 2, ""))
	const want = "2 of 3, above 0, 3 held, [], 15:02#1.1 15:04#2.3 15:06#3.3, fired []"
	if got := shown(p.Explain("r", "web-01")); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestContentsOfAPathAreTheLongestThatLeadsToAnEdge(t *testing.T) {
	p := pattern.New(pattern.Limits{})
	p.SetRules([]pattern.Rule{{ID: "r", Path: &rule.Path{Hops: 3, Within: time.Hour}}})
	first, second := seenAt(1, 2, 0, "app-01"), seenAt(2, 4, 0, "db-01")
	second.Edge.SourceHost, second.Host = "app-01", "app-01"
	p.Feed(first)
	p.Feed(second)
	const want = "2 of 3, above 0, 2 held, [], 15:02#1.0 15:04#2.0, fired []"
	if got := shown(p.ExplainEdge("r", "app-01", second.Connection)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if c := p.ExplainEdge("r", "db-01", second.Connection); c != nil {
		t.Errorf("of another host's: %s", shown(c))
	}
}

// TestContentsAreBounded holds that a key with thousands of matches is shown by
// a few.
func TestContentsAreBounded(t *testing.T) {
	p := pattern.New(pattern.Limits{})
	p.SetRules([]pattern.Rule{{ID: "r", Count: &rule.Count{By: []string{"host.name"}, Of: "conn.peer", Within: time.Hour, AtLeast: 4000}}})
	for n := range 3000 {
		m := seenAt(byte(n), n%60, 0, fmt.Sprint(n))
		m.Edge.SourcePort = uint16(n)
		p.Feed(m)
	}
	c := p.Explain("r", "web-01")
	if c.Reached != 3000 || len(c.Matches) != pattern.MaxEvidence || len(c.Values) != pattern.MaxEvidence {
		t.Errorf("%g reached, %d matches, %d values", c.Reached, len(c.Matches), len(c.Values))
	}
}
