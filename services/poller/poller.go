// Package poller reads a host's tables of TCP sockets and publishes them as
// snapshots: raw, nothing filtered, nothing compared.
//
// It guarantees:
//   - It never ends because NATS is away. Snapshots that can't be sent wait,
//     in order, within a bound, and are sent later with their true time. With
//     a spool directory they also survive a restart of poller and machine.
//   - What is dropped for the bound is counted, and shows downstream as a gap
//     in the sequence numbers.
//   - A row that can't be read is rejected and counted, never filled in.
//   - The time between two snapshots is not predictable, and nobody can make
//     it longer than the configured interval.
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

	Host     string   // the name under which the host is known
	Roles    []string // what it is for
	Proc     string   // where /proc is
	Interval time.Duration
	Fastest  time.Duration // the shortest interval that a control message gets

	Spool  string // directory; empty: in memory
	Buffer int64  // bytes of snapshots that may wait
}

// Flags defines the flags for the options.
func (o *Options) Flags(f *daemon.Flags) {
	f.StringVar(&o.Host, "host", "", "`name` of this host (default: the machine's host name)")
	f.ListVar(&o.Roles, "roles", "`roles` of this host, separated by commas, such as web,database: rules ask for them")
	f.StringVar(&o.Proc, "proc", "/proc", "`directory` where /proc is; its net/tcp and net/tcp6 are read")
	f.DurationVar(&o.Interval, "interval", 30*time.Second, "`time` between two snapshots, give or take a fifth")
	f.DurationVar(&o.Fastest, "fastest", 5*time.Second, "shortest `interval` that a control message can ask for")
	f.StringVar(&o.Spool, "spool", "", "`directory` for snapshots that can't be sent yet, so that they survive a restart (default: memory)")
	f.BytesVar(&o.Buffer, "buffer", 64<<20, "`bytes` of snapshots that may wait while NATS is away; the oldest make room")
}

// Check completes the options and returns a usage error that names every
// mistake.
func (o *Options) Check() error {
	var problems []string
	if o.Host == "" {
		name, err := os.Hostname()
		if err != nil {
			problems = append(problems, fmt.Sprintf("--host is not given, and the machine's name can't be read: %v", err))
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
		problems = append(problems, fmt.Sprintf("--interval %s: want 100ms to 24h", o.Interval))
	}
	if o.Fastest <= 0 {
		problems = append(problems, fmt.Sprintf("--fastest %s: want more than zero", o.Fastest))
	}
	if o.Buffer < 64<<10 {
		problems = append(problems, fmt.Sprintf("--buffer %d: want at least 64KiB", o.Buffer))
	}
	if len(problems) > 0 {
		return daemon.Usage("%s", strings.Join(problems, "\n"))
	}
	return nil
}

// Run polls until the context ends, then sends what it can in a moment.
func Run(ctx context.Context, o Options) error {
	if err := o.Check(); err != nil {
		return err
	}
	reader, err := OpenReader(o)
	if err != nil {
		return fmt.Errorf("poller: %w", err)
	}
	outbox, err := openOutbox(o)
	if err != nil {
		return fmt.Errorf("poller: %w", err)
	}
	p := &poller{
		Options: o, reader: reader, outbox: outbox,
		pace: pace{interval: o.Interval, fastest: min(o.Fastest, o.Interval)}, hurry: make(chan struct{}, 1),
		metrics: newMetrics(o.Telemetry.Metrics, outbox),
		snapshot: event.Snapshot{
			Host: o.Host, BootID: reader.bootID, Run: newRun(), Roles: o.Roles,
		},
	}
	o.Log.Info("polling", "host", o.Host, "interval", o.Interval, "run", p.snapshot.Run, "waiting", outbox.stats().Messages)
	o.Telemetry.Ready("poller", nil)
	var tasks sync.WaitGroup
	tasks.Go(func() { p.send(ctx) })
	tasks.Go(func() { p.obey(ctx) })
	p.poll(ctx)
	tasks.Wait()
	return outbox.close()
}

type poller struct {
	Options
	reader  *Reader
	metrics *pollerMetrics
	outbox  *outbox

	mu    sync.Mutex
	pace  pace
	hurry chan struct{} // pace has changed

	snapshot event.Snapshot
	encoder  event.SnapshotEncoder
}

// newRun names one life of a poller's process.
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
		case <-p.hurry:
			timer.Reset(p.pause(taken))
			continue
		case <-timer.C:
		}
		taken = time.Now()
		if err := p.take(); err != nil {
			p.metrics.failed.Inc()
			p.Telemetry.Ready("poller", err)
			p.Log.Error("no snapshot", "error", err)
		} else {
			p.Telemetry.Ready("poller", nil)
		}
		timer.Reset(p.pause(taken))
	}
}

// pause returns how long to wait for the next snapshot.
func (p *poller) pause(taken time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	return max(0, jitter(p.pace.at(now))-now.Sub(taken))
}

// take takes a snapshot and puts it in the spool.
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
	s.Interval = p.pace.at(s.TakenAt)
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
