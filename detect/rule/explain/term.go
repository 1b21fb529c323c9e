package explain

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"headstart/detect/rule"
	"headstart/detect/rule/condition"
	"headstart/event"
)

// TermKind is how a term has its value.
type TermKind string

// The kinds of terms.
const (
	Leaf   TermKind = "term" // tests the observation
	And    TermKind = "and"
	Or     TermKind = "or"
	Not    TermKind = "not"    // has one term
	Macro  TermKind = "macro"  // has one term: what it stands for
	For    TermKind = "for"    // the duration that a rule or a step asks for
	Always TermKind = "always" // there is no condition
)

// Term is a part of a condition with its value.
type Term struct {
	Kind   TermKind `json:"kind"`
	Text   string   `json:"text,omitempty"` // as written, on one line; at most maxShown characters
	File   string   `json:"file,omitempty"`
	Line   int      `json:"line,omitempty"` // from 1, as the column; 0 when it has no place
	Column int      `json:"column,omitempty"`

	Holds   bool          `json:"holds"`
	Wait    event.Seconds `json:"wait,omitempty"`    // it doesn't hold, but will when the connection is this much older
	Failure string        `json:"failure,omitempty"` // it has no value

	Values []Named `json:"values,omitempty"` // what it is about
	Terms  []*Term `json:"terms,omitempty"`
}

// Named is something that a condition asks about, with its value as text.
type Named struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	List  bool   `json:"list,omitempty"` // it is one of lists.yaml
}

// explain evaluates a condition part by part.
func (x *Explainer) explain(c *rule.When, o *rule.Observation) *Term {
	if !c.Given() {
		return &Term{Kind: Always, Holds: true}
	}
	l := x.conditions[c]
	if l == nil {
		l = x.outline(c)
		x.conditions[c] = l
	}
	return x.term(l, o, true)
}

// term evaluates a part of a condition. conjunct says that the whole condition
// needs it: then a connection that is too young is only that.
func (x *Explainer) term(l *outline, o *rule.Observation, conjunct bool) *Term {
	t := &Term{Kind: l.kind, Text: l.text, File: l.file, Line: l.at.Line, Column: l.at.Column, Failure: l.failure}
	for _, inner := range l.terms {
		t.Terms = append(t.Terms, x.term(inner, o, conjunct && l.kind != Or && l.kind != Not))
	}
	switch l.kind {
	case Leaf:
		if l.failure == "" {
			x.ask(t, l, o, conjunct)
		}
		for i := range l.values {
			t.Values = append(t.Values, x.named(l.values[i].name, &l.values[i].clause, o))
		}
		t.Values = append(t.Values, l.lists...)
		if l.fired != nil {
			t.Values = append(t.Values, l.fired.last(o))
		}
	case Not:
		t.Failure = t.Terms[0].Failure
		t.Holds = !t.Terms[0].Holds && t.Failure == ""
	default:
		t.join()
		if conjunct && l.kind == Or && l.mayFire && !t.Holds && t.Failure == "" && o.Connection != nil && condition.Lasts(o.Connection) {
			t.Wait = event.Seconds(condition.Again)
		}
	}
	return t
}

// last says when the rule last fired.
func (f *firedAbout) last(o *rule.Observation) Named {
	end, host := "host", ""
	if o.Host != nil {
		host = o.Host.Name
	}
	if f.peer {
		end, host = "peer", ""
		if peer := o.Peer; peer != nil {
			host = peer.Name
		}
	}
	n := Named{Name: shown("last " + f.rule + " of " + end), Value: "never"}
	if o.Fired != nil && host != "" {
		if at, ok := o.Fired(f.rule, host); ok {
			n.Value = format(at)
		}
	}
	return n
}

func (x *Explainer) ask(t *Term, l *outline, o *rule.Observation, conjunct bool) {
	holds, wait, err := x.machine.Holds(&l.condition, o)
	if err != nil {
		t.Failure = shown(err.Error())
		return
	}
	if t.Holds = holds && wait == 0; conjunct && holds {
		t.Wait = event.Seconds(wait)
	}
}

// join gives a term the value that its terms have together. One that can't be
// evaluated, or only waits, matters where the others don't decide.
func (t *Term) join() {
	decides := t.Kind == Or
	for _, inner := range t.Terms {
		switch {
		case inner.Failure != "":
			t.Failure = inner.Failure
		case inner.Wait > 0:
			t.Wait = max(t.Wait, inner.Wait)
		case inner.Holds == decides:
			t.Holds, t.Failure, t.Wait = decides, "", 0
			return
		}
	}
	t.Holds = !decides && t.Failure == "" && t.Wait == 0
}

// forTerm is what for needs of a connection.
func forTerm(lasting time.Duration, o *rule.Observation) *Term {
	if lasting == 0 || o.Connection == nil {
		return nil
	}
	age := condition.AgeOf(o.Connection, o.At).Min
	t := &Term{Kind: For, Text: "for: " + format(lasting), Holds: age >= lasting, Values: []Named{{Name: "conn.age.min", Value: format(age)}}}
	switch {
	case !condition.Lasts(o.Connection):
		t.Holds = false
		t.Values = []Named{{Name: "conn.event", Value: format(o.Connection.Kind.String())}, {Name: "conn.state", Value: format(o.Connection.State.String())}}
	case !t.Holds:
		t.Wait = event.Seconds(lasting - age)
	}
	return t
}

// Decisive returns the terms without parts that gave a term the value it has:
// all that don't hold where all must, all where one would be enough.
func (t *Term) Decisive() []*Term {
	if len(t.Terms) == 0 {
		return []*Term{t}
	}
	var decisive []*Term
	for _, inner := range t.Terms {
		if t.Kind == Not || inner.Holds == t.Holds && (inner.Failure == "") == (t.Failure == "") && (inner.Wait == 0) == (t.Wait == 0) {
			decisive = append(decisive, inner.Decisive()...)
		}
		if t.Kind == Or && t.Holds && decisive != nil {
			break
		}
	}
	return decisive
}

// String returns what a term without parts says: "conn.port in ports.ssh was
// false (443)".
func (t *Term) String() string {
	asked := slices.DeleteFunc(slices.Clone(t.Values), func(n Named) bool { return n.List })
	var values []string
	for _, v := range asked {
		if len(asked) == 1 {
			values = append(values, v.Value)
		} else {
			values = append(values, v.Name+" is "+v.Value)
		}
	}
	text := fmt.Sprintf("%s was %t", t.Text, t.Holds)
	if t.Failure != "" {
		text = t.Text + " can't be evaluated: " + t.Failure
	}
	if len(values) > 0 {
		text += " (" + strings.Join(values, ", ") + ")"
	}
	return text
}
