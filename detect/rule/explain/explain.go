package explain

import (
	"time"

	"headstart/detect/rule"
	"headstart/detect/rule/condition"
	"headstart/event"
)

// Verdict is what a part of a rule says of an observation.
type Verdict string

// The verdicts.
const (
	Holds       Verdict = "holds"         // the rule fires; of a pattern, this is a match
	Waits       Verdict = "waits"         // only for the connection to get older
	Suppressed  Verdict = "muted"         // an exception holds too
	DoesNotHold Verdict = "does not hold" // the condition doesn't, or what for needs
	Fails       Verdict = "fails"         // it could not be evaluated
)

// Explanation says why a part of a rule holds of an observation, or doesn't.
type Explanation struct {
	Rule    string        `json:"rule"`
	Part    int           `json:"part"`              // the step of a sequence, from 0; else 0
	Enabled bool          `json:"enabled"`           // one that isn't is explained as if it were
	Verdict Verdict       `json:"verdict"`           // what [Evaluator.Evaluate] says
	Wait    event.Seconds `json:"wait,omitempty"`    // how much older the connection must at least get
	Failure string        `json:"failure,omitempty"` // why it could not be evaluated

	By string `json:"-"` // as in [rule.Result], of a pattern's match that holds

	Condition  *Term       `json:"condition"`
	For        *Term       `json:"for,omitempty"`        // what Rule.For or Step.For needs
	Exceptions []Exception `json:"exceptions,omitempty"` // all, evaluated or not
	Key        []Named     `json:"key,omitempty"`        // what a pattern knows the match by
}

// ExplainedException is an exception of the rule, and whether it holds.
type Exception struct {
	Owner     string    `json:"owner"`
	Reason    string    `json:"reason"`
	Expires   time.Time `json:"expires"` // the first instant at which it no longer counts
	Expired   bool      `json:"expired"`
	Condition *Term     `json:"condition"`
}

// Muted returns the exception that suppresses the rule; nil when none does.
func (e *Explanation) Muted() *Exception {
	for i := range e.Exceptions {
		if x := &e.Exceptions[i]; e.Verdict == Suppressed && !x.Expired && x.Condition.Holds {
			return x
		}
	}
	return nil
}

// Explainer takes conditions of rules apart and evaluates each part by itself.
// What it says of a rule as a whole is what an [Evaluator] says. It compiles the
// parts of a condition on first use. One goroutine uses it at a
// time.
type Explainer struct {
	set        *rule.Set
	language   *condition.Language
	evaluator  *rule.Evaluator
	machine    *condition.Machine // the evaluator's
	conditions map[*rule.When]*outline
}

// NewExplainer returns an explainer of the rules of a set.
func New(set *rule.Set) *Explainer {
	evaluator := rule.NewEvaluator(set)
	return &Explainer{
		set: set, language: set.Language().Clone(), evaluator: evaluator, machine: evaluator.Machine(), conditions: map[*rule.When]*outline{},
	}
}

// Explain says what a part of a rule of the set makes of an observation: of an
// absent rule, which has only part 0, as [Evaluator.Absent] does. A part that the
// rule doesn't have, and one that is evaluated without a connection, don't hold.
func (x *Explainer) Explain(r *rule.Rule, number int, o rule.Observation) *Explanation {
	e := &Explanation{Rule: r.ID, Part: number, Enabled: r.Enabled, Verdict: DoesNotHold, Condition: &Term{Kind: Always}}
	p := r.Part(number)
	if p == nil && (r.Absent == nil || number != 0) {
		return e
	}
	when := r.AbsentCondition()
	if p != nil {
		when = &p.When
	}
	result, holds := x.evaluator.Try(r, number, o)
	e.judge(&result, holds)
	e.By = result.By
	e.Condition = x.explain(when, &o)
	if p != nil {
		e.For = forTerm(p.Lasts, &o)
	}
	for _, exception := range r.Unless {
		e.Exceptions = append(e.Exceptions, Exception{
			Owner: exception.Owner, Reason: exception.Reason, Expires: exception.Expires, Expired: exception.Expired(o.At),
			Condition: x.explain(exception.Condition(), &o),
		})
	}
	e.Key = x.key(r, number, &o)
	return e
}

func (e *Explanation) judge(r *rule.Result, holds bool) {
	switch {
	case r.Err != nil:
		e.Verdict, e.Failure = Fails, shown(r.Err.Error())
	case !holds:
		e.Verdict = DoesNotHold
	case r.Wait > 0:
		e.Verdict, e.Wait = Waits, event.Seconds(r.Wait)
	case r.Muted != nil:
		e.Verdict = Suppressed
	default:
		e.Verdict = Holds
	}
}

// key returns the values of the expressions by which a pattern knows a match.
func (x *Explainer) key(r *rule.Rule, number int, o *rule.Observation) (key []Named) {
	if r.Absent != nil || o.Connection == nil {
		return nil
	}
	p := r.Part(number)
	var texts []string
	switch {
	case r.Sequence != nil && number < len(r.Sequence.Steps):
		texts = r.Sequence.Steps[number].By
	case r.Count != nil:
		texts = r.Count.By
	}
	for i := range min(len(texts), len(p.By)) {
		key = append(key, x.named(texts[i], &p.By[i].Clause, o))
	}
	if r.Count != nil && p.Of.Given() {
		key = append(key, x.named(r.Count.Of, &p.Of.Clause, o))
	}
	if r.Count != nil && p.Sum.Given() {
		key = append(key, x.named(r.Count.Sum, &p.Sum.Clause, o))
	}
	return key
}
