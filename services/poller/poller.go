// Package poller reads a host's tables of TCP sockets and publishes them as
// snapshots: raw, nothing filtered, nothing compared.
//
// It guarantees:
//   - It survives every outage of NATS. Unsent snapshots are kept in order, up to
//     a limit, and sent later with their original time. With a spool directory
//     they also survive a restart of the poller and of the machine.
//   - Dropped snapshots are counted, and visible downstream as a gap in the
//     sequence numbers.
//   - A row that can't be parsed is rejected and counted, never guessed.
//   - The time between two snapshots is unpredictable, and no control message can
//     make it longer than the configured interval.
//
// It runs as any user: /proc/net/tcp is world-readable.
package poller

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"headstart/bus"
	"headstart/daemon"
	"headstart/event"
	"headstart/services/poller/spool"
)

// Options are what the poller needs.
type Options struct {
	Bus       *bus.Bus
	Log       *slog.Logger
	Telemetry *daemon.Telemetry

	Host     string   // name of the host in all messages
	Roles    []string // of the host
	Proc     string   // where /proc is
	Interval time.Duration
	Fastest  time.Duration // the shortest interval that a control message can set

	Spool  string // directory; empty: in memory
	Buffer int64  // bytes, maximum of unsent snapshots
}

// Flags defines the flags for the options.
func (o *Options) Flags(f *daemon.Flags) {
	f.StringVar(&o.Host, "host", "", "`name` of this host (default: the host name of the machine)")
	f.ListVar(&o.Roles, "roles", "`roles` of this host for rules, separated by commas, such as web,database")
	f.StringVar(&o.Proc, "proc", "/proc", "`directory` at which procfs is mounted")
	f.DurationVar(&o.Interval, "interval", 30*time.Second, "`time` between two snapshots, 100ms to 24h, plus or minus a random fifth")
	f.DurationVar(&o.Fastest, "fastest", 5*time.Second, "shortest `interval` that a control message can set")
	f.StringVar(&o.Spool, "spool", "", "`directory` for unsent snapshots, which then survive a restart (default: memory)")
	f.BytesVar(&o.Buffer, "buffer", 64<<20, "maximum `bytes` of unsent snapshots, at least 64KiB; when full, the oldest are dropped")
}

// Check completes the options and returns a usage error that names every
// mistake.
func (o *Options) Check() error {
	var problems []string
	if o.Host == "" {
		name, err := os.Hostname()
		if err != nil {
			problems = append(problems, fmt.Sprintf("--host: missing, and the machine's host name can't be read: %v", err))
		}
		o.Host = name
	}
	if len(o.Host) > event.MaxName {
		problems = append(problems, fmt.Sprintf("--host: %d bytes, more than %d", len(o.Host), event.MaxName))
	}
	if len(o.Roles) > event.MaxRoles {
		problems = append(problems, fmt.Sprintf("--roles: %d roles, more than %d", len(o.Roles), event.MaxRoles))
	}
	for _, role := range o.Roles {
		if len(role) > event.MaxName {
			problems = append(problems, fmt.Sprintf("--roles: a role of %d bytes, more than %d", len(role), event.MaxName))
		}
	}
	if o.Interval < 100*time.Millisecond || o.Interval > 24*time.Hour {
		problems = append(problems, fmt.Sprintf("--interval %s: must be 100ms to 24h", o.Interval))
	}
	if o.Fastest <= 0 {
		problems = append(problems, fmt.Sprintf("--fastest %s: must be more than 0", o.Fastest))
	}
	if o.Buffer < 64<<10 {
		problems = append(problems, fmt.Sprintf("--buffer %d: must be at least 64KiB", o.Buffer))
	}
	if len(problems) > 0 {
		return daemon.Usage("%s", strings.Join(problems, "\n"))
	}
	return nil
}

// Run polls until the context ends, then sends what it can in 1.5 seconds.
func Run(ctx context.Context, o Options) error {
	if err := o.Check(); err != nil {
		return err
	}
	reader, err := openReader(o)
	if err != nil {
		return fmt.Errorf("poller: %w", err)
	}
	outbox, err := openOutbox(o)
	if err != nil {
		return fmt.Errorf("poller: %w", err)
	}
	p := &poller{
		Options: o, reader: reader, outbox: outbox,
		schedule: schedule{normal: o.Interval, fastest: min(o.Fastest, o.Interval)}, rescheduled: make(chan struct{}, 1),
		metrics: newMetrics(o.Telemetry, outbox),
		snapshot: event.Snapshot{
			Host: o.Host, BootID: reader.bootID, Run: newRun(), Roles: o.Roles,
		},
	}
	o.Log.Info("polling", "host", o.Host, "interval", o.Interval, "run", p.snapshot.Run, "waiting", outbox.stats().Messages)
	o.Telemetry.Ready("poller", nil)
	var tasks sync.WaitGroup
	tasks.Go(func() { p.send(ctx) })
	tasks.Go(func() { p.listen(ctx) })
	p.poll(ctx)
	tasks.Wait()
	return outbox.close()
}

type poller struct {
	Options
	reader  *tableReader
	metrics *pollerMetrics
	outbox  *outbox

	mu          sync.Mutex
	schedule    schedule
	rescheduled chan struct{} // schedule has changed

	snapshot event.Snapshot
	encoder  event.SnapshotEncoder
}

// newRun returns a random id of this process.
func newRun() string { return rand.Text()[:16] }

// poll takes snapshots until the context ends, the first at once.
func (p *poller) poll(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	taken := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.rescheduled:
			timer.Reset(p.wait(taken))
			continue
		case <-timer.C:
		}
		taken = time.Now()
		if err := p.take(); err != nil {
			p.metrics.failed.Inc()
			p.Telemetry.Ready("poller", err)
			p.Log.Error("snapshot failed", "error", err)
		} else {
			p.Telemetry.Ready("poller", nil)
		}
		timer.Reset(p.wait(taken))
	}
}

// wait returns the time until the next snapshot.
func (p *poller) wait(taken time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	return max(0, jitter(p.schedule.interval(now))-now.Sub(taken))
}

// take takes a snapshot and puts it into the outbox.
func (p *poller) take() error {
	began := time.Now()
	s := &p.snapshot
	rejections, err := p.reader.Read(s)
	if err != nil {
		return err
	}
	if len(rejections) > 0 {
		first := rejections[0]
		p.Log.Warn("rows rejected", "count", s.Rejected, "file", first.File, "line", first.Line, "error", first.Err)
	}
	s.Sequence++
	p.mu.Lock()
	s.Interval = p.schedule.interval(s.TakenAt)
	p.mu.Unlock()
	messages, err := p.encoder.Parts(s, cmp.Or(p.Bus.MaxData(), bus.DefaultMaxData))
	if err != nil {
		return err
	}
	for i, data := range messages {
		p.outbox.push(spool.Message{ID: s.ID().MessageID(uint16(i + 1)), Payload: data})
	}
	p.metrics.taken(s, time.Since(began))
	return nil
}
