package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"headstart/bus"
	"headstart/daemon"
	"headstart/detect/inventory"
	"headstart/event"
	"headstart/replay"
	"headstart/replay/reconstruct"
	"headstart/replay/recording"
	"headstart/replay/zeek"
	"headstart/term"
)

// history is the past that rules are tried on: what a running system keeps of
// it, or recorded traffic.
type history struct {
	traffic
	since  string
	warmUp string
	client *client
}

// keptFor is for how long a system keeps connections.
const keptFor = 30 * 24 * time.Hour

func (h *history) flags(c *cobra.Command) {
	h.given = c.Flags().Changed
	h.interval = reconstruct.DefaultInterval
	h.sourceFlags(c)
	f := c.Flags()
	f.StringVar(&h.since, "since", "", "`time` from which on is reported: back from the end, such as 7d or 36h, or 2025-06-05T00:00:00Z\n(default: 7d of a running system, all of a recording)")
	f.StringVar(&h.warmUp, "warm-up", "", "`time` before --since that is read, so that hosts are known by then, such as 7d (default: as long as --learn; a recording is read whole)")
	h.client = newClient(c, nil)
}

// isRunning reports whether the history is a running system's.
func (h *history) isRunning() bool { return len(h.connLogs) == 0 && h.snapshots == "" }

// span is a time back from the end, or a moment.
type span struct {
	back time.Duration
	at   time.Time
}

func (s span) before(end time.Time) time.Time {
	if !s.at.IsZero() {
		return s.at
	}
	return end.Add(-s.back)
}

var daysAgo = regexp.MustCompile(`^([0-9]{1,4})d(.*)$`)

// parseBack reads a duration that may begin with days: 7d, 1d12h, 36h.
func parseBack(text string) (time.Duration, error) {
	var d time.Duration
	if text == "" {
		return 0, errors.New("no time")
	}
	rest := text
	if m := daysAgo.FindStringSubmatch(text); m != nil {
		days, err := strconv.Atoi(m[1])
		if err != nil {
			return 0, err
		}
		d, rest = time.Duration(days)*24*time.Hour, m[2]
	}
	if rest != "" {
		more, err := time.ParseDuration(rest)
		if err != nil {
			return 0, err
		}
		d += more
	}
	if d < 0 || d > 10_000*24*time.Hour {
		return 0, errors.New("out of range")
	}
	return d, nil
}

// historyPlan is what the options say.
type historyPlan struct {
	plannedTraffic
	since  span
	all    bool // there is no --since: all of a recording
	warmUp time.Duration
}

// check returns a usage error that holds every mistake.
func (h *history) check() (p historyPlan, err error) {
	var problems []error
	if h.isRunning() {
		if h.given("seed") {
			problems = append(problems, daemon.Usage("--seed goes with --conn-log only"))
		}
	}
	p.plannedTraffic, err = h.checkTraffic()
	problems = append(problems, err)
	p.since.back, p.warmUp = 7*24*time.Hour, h.learn
	p.all = h.since == "" && !h.isRunning()
	if h.since != "" {
		if p.since.at, err = time.Parse(time.RFC3339, h.since); err != nil {
			if p.since.back, err = parseBack(h.since); err != nil || p.since.back == 0 {
				problems = append(problems, daemon.Usage("--since %q: want a time back such as 7d or 36h, or a moment such as 2025-06-05T18:00:00Z", h.since))
			}
		}
	}
	if h.warmUp != "" {
		if !h.isRunning() {
			problems = append(problems, daemon.Usage("--warm-up goes with a running system; of a recording all before --since is read"))
		}
		if p.warmUp, err = parseBack(h.warmUp); err != nil {
			problems = append(problems, daemon.Usage("--warm-up %q: want a time such as 7d or 36h", h.warmUp))
		}
	}
	return p, errors.Join(problems...)
}

func (h *history) checkTraffic() (plannedTraffic, error) {
	if h.isRunning() {
		return h.traffic.checkFiles()
	}
	return h.traffic.check()
}

// past is a history that is open.
type past struct {
	bus       *bus.Bus // of a running system, else nil
	inventory *inventory.Inventory
	from      time.Time // from which on is reported
	until     time.Time
	asked     time.Time // from which on is read; zero: all
	feed      replay.Feed
	faster    func(time.Duration) (replay.Feed, error) // the same, polled at another interval; nil where that can't be

	first   time.Time // event time of what was read
	unread  int       // messages that could not be read
	example error     // why not the first of them
}

// open opens the history and does something with it.
func (h *history) open(c *cobra.Command, p historyPlan, bar *progress, do func(context.Context, *past) error) error {
	if h.isRunning() {
		return h.client.ask(c, func() error { return nil }, func(ctx context.Context, b *bus.Bus) error {
			opened := h.running(ctx, b, p, bar)
			if err := opened.check(h.since); err != nil {
				return err
			}
			return do(ctx, opened)
		})
	}
	opened, err := h.recorded(c.Context(), p, bar, c.ErrOrStderr())
	if err == nil {
		err = opened.check(h.since)
	}
	if err != nil {
		return err
	}
	return do(c.Context(), opened)
}

// check refuses to report on what comes after the end.
func (o *past) check(since string) error {
	if !o.from.IsZero() && !o.until.IsZero() && !o.from.Before(o.until) {
		return daemon.Usage("--since %s: the history ends at %s", since, o.until.UTC().Format(time.RFC3339))
	}
	return nil
}

// running is what a running system keeps.
func (h *history) running(ctx context.Context, b *bus.Bus, p historyPlan, bar *progress) *past {
	now := time.Now()
	o := &past{bus: b, inventory: p.inventory, until: now}
	if !p.until.IsZero() && p.until.Before(now) {
		o.until = p.until
	}
	o.from = p.since.before(o.until)
	o.asked = o.from.Add(-p.warmUp)
	o.feed = func(tape *replay.Tape) error {
		var decoder event.ChangesDecoder
		var began time.Time
		n := 0
		err := b.ReadSince(ctx, event.StreamConnections, o.asked, func(m bus.Message) error {
			if m.StoredAt.After(o.until) {
				return errUntil
			}
			if began.IsZero() {
				began = m.StoredAt
			}
			if n++; n&1023 == 0 {
				bar.show("replaying", int64(m.StoredAt.Sub(began)), int64(o.until.Sub(began)))
			}
			changes := tape.Next()
			err := decoder.Decode(m.Data, changes)
			if want := event.ConnectionSubject(changes.Host); err == nil && m.Subject != want {
				err = fmt.Errorf("host %q on subject %s, want %s", changes.Host, m.Subject, want)
			}
			if err != nil {
				if o.unread++; o.example == nil {
					o.example = err
				}
				return nil
			}
			if o.first.IsZero() {
				o.first = changes.StreamTime(changes.ObservedAt)
			}
			return tape.Put(m.StoredAt)
		})
		if err != nil && !errors.Is(err, errUntil) {
			return fmt.Errorf("%w (the tracker makes the stream: does one run there?)", err)
		}
		return nil
	}
	return o
}

// recorded is a recording or a log.
func (h *history) recorded(ctx context.Context, p historyPlan, bar *progress, errs io.Writer) (*past, error) {
	o := &past{inventory: p.inventory}
	if h.snapshots != "" {
		r, err := recording.Open(h.snapshots)
		if err != nil {
			return nil, daemon.Usage("--snapshots: %w", err)
		}
		source, err := h.openRecording(ctx, p.plannedTraffic, bar, errs)
		if err != nil {
			return nil, err
		}
		o.feed = o.noting(source)
		if files := r.Manifest.Files; len(files) > 0 {
			o.until = files[len(files)-1].Last
		}
	} else {
		records, err := h.readLog(ctx, bar, errs)
		if err != nil {
			return nil, err
		}
		fleet, err := h.fleet(records, h.interval, p.plannedTraffic)
		if err != nil {
			return nil, err
		}
		o.until = fleet.Until
		o.feed = o.noting(polled(fleet, bar, "replaying"))
		o.faster = h.repolled(records, p, bar)
	}
	if !p.until.IsZero() {
		o.until = p.until
	}
	if !p.all {
		if o.until.IsZero() && p.since.at.IsZero() {
			return nil, daemon.Usage("--since %s: the recording doesn't say where it ends; name a moment such as 2025-06-05T18:00:00Z", h.since)
		}
		o.from = p.since.before(o.until)
	}
	return o, nil
}

func (h *history) repolled(records []zeek.Record, p historyPlan, bar *progress) func(time.Duration) (replay.Feed, error) {
	return func(interval time.Duration) (replay.Feed, error) {
		fleet, err := h.fleet(records, interval, p.plannedTraffic)
		if err != nil {
			return nil, err
		}
		return replay.Compare(polled(fleet, bar, "again")), nil
	}
}

// noting feeds snapshots, and notes when the first of them was stored.
func (o *past) noting(source replay.Source) replay.Feed {
	return replay.Compare(func(yield func(*event.Snapshot, time.Duration) error) error {
		return source(func(s *event.Snapshot, lag time.Duration) error {
			if o.first.IsZero() {
				o.first = s.TakenAt.Add(lag)
			}
			return yield(s, lag)
		})
	})
}

// ended fills in what is only known once the history was read.
func (o *past) ended(t replay.Totals) {
	if o.first.IsZero() {
		o.first = o.asked
	}
	if o.from.IsZero() || o.from.Before(o.first) {
		o.from = o.first
	}
	if o.until.IsZero() {
		o.until = t.Until
	}
}

// notes are what has to be known of a history to trust what is said of it.
func (o *past) notes(learn time.Duration) (notes []string) {
	say := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	const slack = time.Hour
	if o.first.After(o.asked.Add(slack)) && !o.asked.IsZero() {
		say("The system has nothing of before %s; asked for was from %s on.", utcMinute(o.first), utcMinute(o.asked))
	}
	switch learnt := o.first.Add(learn); {
	case learn < 24*time.Hour:
		say("With --learn %s hosts are learnt for ever: nothing is unusual, and most rules count half.", term.Duration(learn))
	case !o.from.Add(slack).Before(learnt):
	case !o.until.After(learnt):
		say("The history is shorter than --learn (%s): its hosts were still learnt to its end. Nothing is unusual on them by then, and most rules count half. Take more history, or a shorter --learn.", term.Duration(learn))
	default:
		say("Until %s hosts were still learnt (--learn %s): nothing is unusual on them by then, and most rules count half. To leave that out, say --since %s.", utcMinute(learnt), term.Duration(learn), learnt.UTC().Format(time.RFC3339))
	}
	if o.unread > 0 {
		say("%d messages of the history could not be read; the first: %v.", o.unread, o.example)
	}
	return notes
}

func utcMinute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }
