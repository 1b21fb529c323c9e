package ruletest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"headstart/detect"
	"headstart/detect/firing"
	"headstart/detect/pattern"
	"headstart/detect/rule"
	"headstart/event"
)

// Explain plays a case once more, and says of what did not come what came
// nearest to it. The rules are those that the verdict is of.
func (s *Scene) Explain(ctx context.Context, set *rule.Set, v *Verdict) error {
	for i := range v.Missing {
		m := &v.Missing[i]
		e := s.Case.expectedAt(m.Line)
		if e == nil || set.Rule(e.rule) == nil {
			continue
		}
		if i == maxExplained {
			break
		}
		l := &search{scene: s, rule: set.Rule(e.rule), wanted: e, explainer: rule.NewExplainer(set), evaluator: rule.NewEvaluator(set)}
		if err := l.play(ctx, set); err != nil {
			return err
		}
		m.Nearest = l.say()
	}
	return nil
}

// maxExplained are the alerts that did not come of one case that are explained:
// each costs playing it once more.
const maxExplained = 5

func (c *Case) expectedAt(line int) *expected {
	for i := range c.expected {
		if c.expected[i].line == line {
			return &c.expected[i]
		}
	}
	return nil
}

// search looks for what came nearest to an alert.
type search struct {
	scene     *Scene
	rule      *rule.Rule
	wanted    *expected
	explainer *rule.Explainer
	evaluator *rule.Evaluator
	state     *detect.Engine

	asked  int                                    // how often something was asked of the rule
	nearly []nearly                               // for each part, the nearest for which it didn't hold
	muted  map[string]map[event.ConnectionID]bool // connections, by exception
	keys   []string                               // of matches
	edges  []edge
}

// nearly is an observation for which a part of the rule didn't hold.
type nearly struct {
	seen  bool
	rank  [4]int64 // less is nearer
	at    time.Time
	about string
	why   []string
}

// edge is a match of a path.
type edge struct {
	host string
	id   event.ConnectionID
}

// maxKeys are the keys and edges that are looked at.
const maxKeys = 1000

func (l *search) play(ctx context.Context, set *rule.Set) (err error) {
	l.nearly, l.muted = make([]nearly, max(1, l.rule.Parts())), map[string]map[event.ConnectionID]bool{}
	if l.state, err = l.scene.begin(set); err != nil {
		return err
	}
	l.state.Observe(l.observe)
	for _, m := range l.scene.messages {
		if err := ctx.Err(); err != nil {
			return err
		}
		changes := m.changes
		l.state.Apply(&changes, m.storedAt)
	}
	return nil
}

func (l *search) observe(a *firing.Evaluation) {
	switch {
	case a.Rule != nil && a.Rule.ID != l.rule.ID, (a.Trigger == firing.OnAbsence) != (l.rule.Absent != nil):
		return
	case a.Rule != nil:
		l.ask(a.Part, &a.Observation)
	default:
		for part := range l.rule.Parts() {
			l.ask(part, &a.Observation)
		}
	}
}

func (l *search) ask(part int, o *rule.Observation) {
	l.asked++
	var result rule.Result
	var holds bool
	if l.rule.Absent != nil {
		result, holds = l.evaluator.Absent(l.rule, *o)
	} else {
		result, holds = l.evaluator.EvaluateRule(l.rule, part, *o)
	}
	switch {
	case holds && result.Muted != nil:
		l.mute(result.Muted, o)
	case holds && result.Fires():
		l.match(&result, o)
	default:
		l.failed(part, o, result.Wait)
	}
}

func (l *search) mute(e *rule.Exception, o *rule.Observation) {
	name := fmt.Sprintf("%s (%s)", e.Reason, e.Owner)
	if l.muted[name] == nil {
		l.muted[name] = map[event.ConnectionID]bool{}
	}
	var id event.ConnectionID // none, of a host that is silent
	if o.Connection != nil {
		id = o.Connection.ID
	}
	l.muted[name][id] = true
}

func (l *search) match(result *rule.Result, o *rule.Observation) {
	if len(l.keys)+len(l.edges) >= maxKeys || o.Connection == nil {
		return
	}
	if one := (edge{o.Host.Name, o.Connection.ID}); l.rule.Path != nil && !slices.Contains(l.edges, one) {
		l.edges = append(l.edges, one)
	}
	if key := strings.Clone(result.By); (l.rule.Count != nil || l.rule.Sequence != nil) && !slices.Contains(l.keys, key) {
		l.keys = append(l.keys, key)
	}
}

// failed notes an observation for which a part didn't hold, if it is the nearest;
// wait is what its connection's age lacked if that was all.
func (l *search) failed(part int, o *rule.Observation, wait time.Duration) {
	best := &l.nearly[min(part, len(l.nearly)-1)]
	rank := l.rank(o)
	if best.seen && rank[0]+rank[1] > best.rank[0]+best.rank[1] {
		return // whatever is missing, it is of somebody else
	}
	e := l.explainer.Explain(l.rule, part, *o)
	var terms []*rule.Term
	if !e.Condition.Holds {
		terms = e.Condition.Decisive()
	}
	if e.For != nil && !e.For.Holds {
		terms = append(terms, e.For)
	}
	rank[2] = int64(len(terms))
	if wait > 0 {
		rank[3] = int64(wait)
	}
	if best.seen && slices.Compare(rank[:], best.rank[:]) >= 0 {
		return
	}
	*best = nearly{seen: true, rank: rank, at: o.At, about: l.about(o)}
	for _, t := range terms[:min(len(terms), maxTerms)] {
		best.why = append(best.why, t.String())
	}
	if more := len(terms) - maxTerms; more > 0 {
		best.why = append(best.why, fmt.Sprintf("and %d more", more))
	}
}

const maxTerms = 4

// rank says how near an observation is, but for what its condition says of it:
// of the host that is expected, of what happens in the case, at about the time.
func (l *search) rank(o *rule.Observation) (rank [4]int64) {
	if o.Host == nil || o.Host.Name != l.wanted.host {
		rank[0] = 1
	}
	if o.Connection != nil && !l.scene.Case.has(o.Connection) {
		rank[1] = 1
	}
	rank[3] = int64(o.At.Sub(l.wanted.at).Abs())
	return rank
}

// has reports whether a connection is one of what happens in the case.
func (c *Case) has(conn *event.Connection) bool {
	from, to := conn.Ends()
	port := conn.ServicePort()
	for i := range c.flows {
		if f := &c.flows[i]; f.port == port && f.to.address == to && f.from.address == from {
			return true
		}
	}
	for l := range c.begins {
		if l.port == port && conn.Direction == 0 {
			return true
		}
	}
	return false
}

func (l *search) about(o *rule.Observation) string {
	host := ""
	if o.Host != nil {
		host = o.Host.Name
	}
	t := l.scene.lesson.trial
	switch c := o.Connection; {
	case c == nil:
		return host
	case c.Direction == 0:
		return fmt.Sprintf("port %d of %s", c.LocalPort, host)
	default:
		from, to := c.Ends()
		return fmt.Sprintf("%s -> %s:%d, %s, seen by %s", t.nameOf(from), t.nameOf(to), c.ServicePort(), c.Kind, host)
	}
}

// say says what came nearest, the most telling first.
func (l *search) say() (lines []string) {
	var exceptions []string
	for exception := range l.muted {
		exceptions = append(exceptions, exception)
	}
	slices.Sort(exceptions)
	for _, exception := range exceptions {
		lines = append(lines, fmt.Sprintf("the condition held %s, and an exception muted it: %s", times(len(l.muted[exception])), exception))
	}
	missing := 0 // the step of which something is still to be said
	switch r := l.rule; {
	case r.Count != nil:
		lines = append(lines, l.sayCount()...)
	case r.Sequence != nil:
		var more []string
		more, missing = l.saySequence()
		lines = append(lines, more...)
	case r.Path != nil:
		lines = append(lines, l.sayPath()...)
	}
	if n := &l.nearly[missing]; n.seen && len(n.why) > 0 && (n.rank[1] == 0 || len(l.keys)+len(l.edges)+len(l.muted) == 0) {
		lines = append(lines, l.timeOfDay(n.at)+" "+n.about+":")
		for _, why := range n.why {
			lines = append(lines, "  "+why)
		}
	}
	if len(lines) == 0 {
		lines = append(lines, l.sayNothing())
	}
	return lines
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("of %d connections", n)
}

func (l *search) sayNothing() string {
	switch a := l.rule.Absent; {
	case a != nil && l.asked == 0 && a.Of == rule.MissingPoller:
		return "no host was silent for long enough to ask the rule"
	case a != nil && l.asked == 0:
		return "no connection was shown by only one of its ends for long enough to ask the rule"
	case l.asked == 0:
		return "nothing happened of which the rule is asked"
	}
	return "the rule held, but of other connections or at other times"
}

// sayCount says how far the key that came furthest has come.
func (l *search) sayCount() []string {
	best, _ := l.furthest()
	switch {
	case best == nil:
		return []string{"no connection counted"}
	case best.Reached >= best.Needed && best.Above > 0 && best.Reached <= best.Above:
		return []string{fmt.Sprintf("the count reached %s of %s, but had to be above what is usual, %s%s", decimal(best.Reached), decimal(best.Needed), decimal(best.Above), ofKey(best))}
	case best.Reached >= best.Needed && len(best.Fired) == 0 && l.rule.Count.Beaconing > 0:
		return []string{fmt.Sprintf("the count reached %s of %s, but regularity %s of %s%s", decimal(best.Reached), decimal(best.Needed), decimal(best.Beaconing), decimal(l.rule.Count.Beaconing), ofKey(best))}
	case len(best.Fired) > 0:
		return nil // it came, at another time or of another host
	}
	text := fmt.Sprintf("the count reached %s of %s within %s%s", decimal(best.Reached), decimal(best.Needed), l.rule.Count.Within, ofKey(best))
	if n := len(best.Matches); n > 0 {
		text += ", last at " + l.timeOfDay(best.Matches[n-1].At)
	}
	return []string{text}
}

// saySequence says which steps matched, and the one that never did.
func (l *search) saySequence() (lines []string, missing int) {
	best, _ := l.furthest()
	steps := len(l.rule.Sequence.Steps)
	if best == nil {
		return []string{fmt.Sprintf("none of the %d steps matched", steps)}, 0
	}
	last := make([]*pattern.Held, steps)
	for i := range best.Matches {
		last[best.Matches[i].Step-1] = &best.Matches[i]
	}
	missing = -1
	for i, held := range last {
		if held == nil {
			if missing < 0 {
				missing = i
			}
			lines = append(lines, fmt.Sprintf("step %d never matched%s", i+1, ofKey(best)))
			continue
		}
		lines = append(lines, fmt.Sprintf("step %d matched at %s: %s", i+1, l.timeOfDay(held.At), describe(held)))
	}
	if missing < 0 {
		missing = 0
		if len(best.Fired) > 0 {
			return nil, 0
		}
		lines = append(lines, fmt.Sprintf("but not in this order, each on another connection, within %s", l.rule.Sequence.Within))
	}
	return lines, missing
}

func (l *search) sayPath() []string {
	var best *pattern.Contents
	for _, e := range l.edges {
		if c := l.state.Path(l.rule.ID, e.host, e.id); c != nil && (best == nil || c.Reached > best.Reached) {
			best = c
		}
	}
	if best == nil {
		return []string{"no connection was an edge of a path"}
	}
	if len(best.Fired) > 0 {
		return nil
	}
	var edges []string
	for i := range best.Matches {
		edges = append(edges, describe(&best.Matches[i]))
	}
	return []string{fmt.Sprintf("the longest path has %s of %s hops: %s", decimal(best.Reached), decimal(best.Needed), strings.Join(edges, ", "))}
}

// furthest returns what there is of the key that came furthest; of the host that
// is expected if there is one.
func (l *search) furthest() (best *pattern.Contents, key string) {
	ofHost := func(c *pattern.Contents) bool {
		return slices.ContainsFunc(c.Matches, func(h pattern.Held) bool { return h.Host == l.wanted.host })
	}
	for _, k := range l.keys {
		c := l.state.Window(l.rule.ID, k)
		if c == nil {
			continue
		}
		if best == nil || ofHost(c) && !ofHost(best) || ofHost(c) == ofHost(best) && c.Reached > best.Reached {
			best, key = c, k
		}
	}
	return best, key
}

func (l *search) timeOfDay(at time.Time) string { return l.scene.lesson.trial.timeOfDay(at) }

func describe(h *pattern.Held) string {
	return fmt.Sprintf("%s -> %s:%d", h.From, h.To, h.Port)
}

func ofKey(c *pattern.Contents) string {
	if c.Key == "" {
		return ""
	}
	return " for " + strings.ReplaceAll(c.Key, "\x00", " ")
}

func decimal(n float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", n), "0"), ".")
}
