package history

import (
	"fmt"
	"time"

	"headstart/event"
	"headstart/replay"
	"headstart/term"
)

// feed compares snapshots, and sets First.
func (o *Past) feed(source replay.Source) replay.Feed {
	return replay.Compare(func(yield func(*event.Snapshot, time.Duration) error) error {
		return source(func(s *event.Snapshot, lag time.Duration) error {
			if o.First.IsZero() {
				o.First = s.TakenAt.Add(lag)
			}
			return yield(s, lag)
		})
	})
}

// Replayed sets what is only known after the replay.
func (o *Past) Replayed(t replay.Totals) {
	if o.First.IsZero() {
		o.First = o.ReadAt
	}
	if o.From.IsZero() || o.From.Before(o.First) {
		o.From = o.First
	}
	if o.Until.IsZero() {
		o.Until = t.Until
	}
}

// Notes returns the limits of the history that a reader of the report has to
// know.
func (o *Past) Notes() (notes []string) {
	add := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	const slack = time.Hour
	if o.First.After(o.ReadAt.Add(slack)) && !o.ReadAt.IsZero() {
		add("The system has stored nothing before %s; the replay was to begin at %s.", Minute(o.First), Minute(o.ReadAt))
	}
	return append(notes, o.UnreadableNotes()...)
}

// UnreadableNotes returns a note about the unreadable messages, if there are
// any.
func (o *Past) UnreadableNotes() []string {
	if o.Unreadable == 0 {
		return nil
	}
	return []string{fmt.Sprintf("Unreadable messages of the history: %d. The first: %v.", o.Unreadable, o.example)}
}

// LearningNotes returns a note about the part of the report in which hosts were
// still in their learning period, if there is one.
func (o *Past) LearningNotes() []string {
	const slack = time.Hour
	learn := o.Detect.Baseline.Learning
	learned := o.First.Add(learn)
	const effect = "nothing counts as unusual, and most rules give half their risk score"
	switch {
	case learn < 24*time.Hour:
		return []string{fmt.Sprintf("With --learn %s, learning never ends: %s.", term.Duration(learn), effect)}
	case !o.From.Add(slack).Before(learned):
		return nil
	case !o.Until.After(learned):
		return []string{fmt.Sprintf("The history is shorter than --learn (%s): until its end, %s. Use a longer history or a shorter --learn.", term.Duration(learn), effect)}
	}
	return []string{fmt.Sprintf("Hosts are still learning until %s (--learn %s): until then, %s. To exclude that time, use --since %s.",
		Minute(learned), term.Duration(learn), effect, learned.UTC().Format(time.RFC3339))}
}

// Minute formats a time in UTC.
func Minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }
