package history

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"headstart/bus"
	"headstart/cli/cmdutil"
	"headstart/daemon"
	"headstart/detect"
	"headstart/event"
	"headstart/replay"
	"headstart/replay/reconstruct"
	"headstart/replay/recording"
	"headstart/replay/zeek"
)

// History selects the past to evaluate rules on: what a running system has
// stored, or recorded traffic.
type History struct {
	Traffic
	Since  string
	warmUp string
	client *cmdutil.Client
}

// Retention is how long a system keeps connections.
const Retention = 30 * 24 * time.Hour

// Flags defines the flags of a history.
func (h *History) Flags(c *cobra.Command) {
	h.Interval = reconstruct.DefaultInterval
	h.sourceFlags(c)
	f := c.Flags()
	f.StringVar(&h.Since, "since", "", "`start` of the report: a duration before the end such as 7d or 36h, or a time such as 2025-06-05T00:00:00Z\n(default: 7d of a running system, all of a recording)")
	f.StringVar(&h.warmUp, "warm-up", "", "`duration` before --since that is replayed first, such as 7d; with a running system only (default: --learn)")
	h.client = cmdutil.NewClient(c, nil)
}

// IsRunning reports whether the history is that of a running system.
func (h *History) IsRunning() bool { return len(h.ConnLogs) == 0 && h.Snapshots == "" }

// Plan holds the parsed options.
type Plan struct {
	TrafficPlan
	WarmUp time.Duration
	since  span
	all    bool // no --since: all of a recording
}

// Default makes a duration before the end the start of the report.
func (p *Plan) Default(since time.Duration) { p.since = span{back: since} }

// Check returns a usage error that holds every mistake.
func (h *History) Check() (p Plan, err error) {
	var problems []error
	if h.IsRunning() && h.changed("seed") {
		problems = append(problems, daemon.Usage("--seed: use it with --conn-log only"))
	}
	p.TrafficPlan, err = h.checkTraffic()
	problems = append(problems, err)
	p.since.back, p.WarmUp = 7*24*time.Hour, h.Learn
	p.all = h.Since == "" && !h.IsRunning()
	if h.Since != "" {
		if p.since.at, err = time.Parse(time.RFC3339, h.Since); err != nil {
			if p.since.back, err = parseBack(h.Since); err != nil || p.since.back == 0 {
				problems = append(problems, daemon.Usage("--since %q: want a duration such as 7d or 36h, or a time such as 2025-06-05T18:00:00Z", h.Since))
			}
		}
	}
	if h.warmUp != "" {
		if !h.IsRunning() {
			problems = append(problems, daemon.Usage("--warm-up: use it with a running system only; a recording is replayed from its beginning"))
		}
		if p.WarmUp, err = parseBack(h.warmUp); err != nil {
			problems = append(problems, daemon.Usage("--warm-up %q: want a duration such as 7d or 36h", h.warmUp))
		}
	}
	return p, errors.Join(problems...)
}

func (h *History) checkTraffic() (TrafficPlan, error) {
	if h.IsRunning() {
		return h.checkFiles()
	}
	return h.Traffic.Check()
}

// Past is an open history.
type Past struct {
	Bus    *bus.Bus  // of a running system, or nil
	From   time.Time // start of the report
	Until  time.Time
	ReadAt time.Time // start of the replay; zero for the beginning
	Feed   replay.Feed
	Detect detect.Options
	Faster func(time.Duration) (replay.Feed, error) // the same traffic, polled at another interval; nil if that is impossible

	First      time.Time // event time of the first message
	Unreadable int       // messages
	example    error     // of an unreadable message
}

// Open opens the history and calls do.
func (h *History) Open(c *cobra.Command, p Plan, bar *cmdutil.Progress, do func(context.Context, *Past) error) error {
	if h.IsRunning() {
		return h.client.Run(c, nil, func(ctx context.Context, b *bus.Bus) error {
			opened := h.running(ctx, b, p, bar)
			if err := opened.check(h.Since); err != nil {
				return err
			}
			return do(ctx, opened)
		})
	}
	opened, err := h.recorded(c.Context(), p, bar, c.ErrOrStderr())
	if err == nil {
		err = opened.check(h.Since)
	}
	if err != nil {
		return err
	}
	return do(c.Context(), opened)
}

// check rejects a report that starts after the end.
func (o *Past) check(since string) error {
	if !o.From.IsZero() && !o.Until.IsZero() && !o.From.Before(o.Until) {
		return daemon.Usage("--since %s: the history ends at %s", since, o.Until.UTC().Format(time.RFC3339))
	}
	return nil
}

// running opens what a running system has stored.
func (h *History) running(ctx context.Context, b *bus.Bus, p Plan, bar *cmdutil.Progress) *Past {
	now := time.Now()
	o := &Past{Bus: b, Detect: h.Detect(p.TrafficPlan), Until: now}
	if !p.until.IsZero() && p.until.Before(now) {
		o.Until = p.until
	}
	o.From = p.since.before(o.Until)
	o.ReadAt = o.From.Add(-p.WarmUp)
	o.Feed = func(buffer *replay.Buffer) error {
		var decoder event.ChangesDecoder
		var began time.Time
		n := 0
		err := b.ReadSince(ctx, event.StreamConnections, o.ReadAt, func(m bus.Message) error {
			if m.StoredAt.After(o.Until) {
				return errUntil
			}
			if began.IsZero() {
				began = m.StoredAt
			}
			if n++; n&1023 == 0 {
				bar.Show("replaying", int64(m.StoredAt.Sub(began)), int64(o.Until.Sub(began)))
			}
			changes := buffer.Next()
			err := decoder.Decode(m.Data, changes)
			if want := event.ConnectionSubject(changes.Host); err == nil && m.Subject != want {
				err = fmt.Errorf("host %q on subject %s, want %s", changes.Host, m.Subject, want)
			}
			if err != nil {
				if o.Unreadable++; o.example == nil {
					o.example = err
				}
				return nil
			}
			if o.First.IsZero() {
				o.First = changes.StreamTime(changes.ObservedAt)
			}
			return buffer.Put(m.StoredAt)
		})
		if errors.Is(err, errUntil) {
			return nil
		}
		return cmdutil.MissingStream(err, "tracker")
	}
	return o
}

// recorded opens a recording or a log.
func (h *History) recorded(ctx context.Context, p Plan, bar *cmdutil.Progress, errs io.Writer) (*Past, error) {
	o := &Past{Detect: h.Detect(p.TrafficPlan)}
	if h.Snapshots != "" {
		r, err := recording.Open(h.Snapshots)
		if err != nil {
			return nil, daemon.Usage("--snapshots: %w", err)
		}
		source, err := h.openRecording(ctx, p.TrafficPlan, bar, errs)
		if err != nil {
			return nil, err
		}
		o.Feed = o.feed(source)
		if files := r.Manifest.Files; len(files) > 0 {
			o.Until = files[len(files)-1].Last
		}
	} else {
		records, err := h.readLog(ctx, bar, errs)
		if err != nil {
			return nil, err
		}
		fleet, err := h.fleet(records, h.Interval, p.TrafficPlan)
		if err != nil {
			return nil, err
		}
		o.Until = fleet.Until
		o.Feed = o.feed(polled(fleet, bar, "replaying"))
		o.Faster = h.repolled(records, p, bar)
	}
	if !p.until.IsZero() {
		o.Until = p.until
	}
	if !p.all {
		if o.Until.IsZero() && p.since.at.IsZero() {
			return nil, daemon.Usage("--since %s: the end of the recording is unknown; want a time such as 2025-06-05T18:00:00Z", h.Since)
		}
		o.From = p.since.before(o.Until)
	}
	return o, nil
}

func (h *History) repolled(records []zeek.Record, p Plan, bar *cmdutil.Progress) func(time.Duration) (replay.Feed, error) {
	return func(interval time.Duration) (replay.Feed, error) {
		fleet, err := h.fleet(records, interval, p.TrafficPlan)
		if err != nil {
			return nil, err
		}
		return replay.Compare(polled(fleet, bar, "again")), nil
	}
}
