// Package record is the command headstart record.
package record

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"
	xterm "golang.org/x/term"

	"headstart/bus"
	"headstart/cli/cmdutil"
	"headstart/daemon"
	"headstart/event"
	"headstart/replay/recording"
)

// options are those of headstart record.
type options struct {
	dir   string
	hosts []string
	since time.Duration
	time  time.Duration
	bytes int64

	link    bus.Options
	logging daemon.LogOptions
}

func (o *options) flags(f *daemon.Flags) {
	f.StringVar(&o.dir, "dir", "", "`directory` to record into; created if missing; an existing recording is continued")
	f.ListVar(&o.hosts, "host", "`names` of the hosts to record, separated by commas (default: all)")
	f.DurationVar(&o.since, "since", 0, "`duration` before now from which to include stored snapshots; the stream keeps 24h by default; 0 for none")
	f.DurationVar(&o.time, "for", 0, "`duration` after which to stop; 0 for until Ctrl-C")
	f.BytesVar(&o.bytes, "bytes", 0, "`bytes` after which to stop; 0 for no limit")
	for _, name := range []string{"dir", "since", "for", "bytes"} {
		f.EnvName(name, f.Variable("record-"+name))
	}
	f.EnvName("host", "HEADSTART_RECORD_HOSTS") // HEADSTART_HOST is the poller's
	o.link.Flags(f)
	o.logging.Flags(f)
	o.logging.Level = slog.LevelWarn
}

func (o *options) check() error {
	var problems []error
	if o.dir == "" {
		problems = append(problems, daemon.Usage("--dir: want a directory to record into"))
	}
	if o.since < 0 || o.time < 0 {
		problems = append(problems, daemon.Usage("--since, --for: want a duration of 0 or more"))
	}
	return errors.Join(problems...)
}

// NewCommand returns the command.
func NewCommand() *cobra.Command {
	o := new(options)
	f := daemon.NewFlags("headstart record", "")
	o.flags(f)
	c := &cobra.Command{
		Use:   "record --dir DIRECTORY",
		Short: "Record the snapshots of a running system, for evidence and for replay",
		Long: `Record the snapshots of a running system unchanged, for evidence and for headstart
replay. The system is not affected.

The directory holds files of snapshots and manifest.json, which lists each
finished file with its SHA-256. A recorder that is killed loses nothing that it had
recorded; started again, it continues the recording.

NATS authenticates the senders and protects the transport: see docs/operations.md.`,
		Example: `  headstart record --dir /evidence/case-17 --since 24h
  headstart record --dir /evidence/case-17 --host web-01,db-01 --for 2h --server nats://nats.example:4222`,
		Args: cmdutil.Args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := errors.Join(f.ApplyEnv(c.Flags().Changed), o.check()); err != nil {
				return err
			}
			return record(c.Context(), o, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	c.Flags().AddGoFlagSet(f.Documented())
	c.MarkFlagDirname("dir")
	cmdutil.Complete(c, "log-format", "text", "json")
	cmdutil.Complete(c, "log-level", "debug", "info", "warn", "error")
	return c
}

func record(ctx context.Context, o *options, out, errs io.Writer) (err error) {
	hosts := slices.Clone(o.hosts)
	slices.Sort(hosts)
	began := time.Now()
	w, err := recording.Create(o.dir, recording.Options{Created: began, Hosts: slices.Compact(hosts)})
	if err != nil {
		return err
	}
	r := &recorder{writer: w, wanted: map[string]bool{}, seen: map[string]bool{}, limit: o.bytes}
	if f, ok := errs.(*os.File); ok && xterm.IsTerminal(int(f.Fd())) {
		r.screen = errs
	}
	for _, host := range hosts {
		r.wanted[event.SnapshotSubject(host)] = true
	}
	defer func() {
		if closing := w.Close(); closing != nil {
			err = errors.Join(err, closing)
			return
		}
		if err == nil || r.messages > 0 {
			err = errors.Join(err, r.summary(out, o.dir))
		}
	}()
	if o.time > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.time)
		defer cancel()
	}
	o.link.Name, o.link.Wait = "headstart-record", 10*time.Second
	err = cmdutil.Connected(ctx, o.link, o.logging.Logger(errs), func(ctx context.Context, b *bus.Bus, log *slog.Logger) error {
		r.bus, r.log = b, log
		if o.since > 0 {
			r.since = began.Add(-o.since)
		}
		return r.follow(ctx)
	})
	if r.screen != nil {
		fmt.Fprint(r.screen, "\r\x1b[K")
	}
	return err
}

// recorder writes the messages of the stream SNAPSHOTS.
type recorder struct {
	bus    *bus.Bus
	log    *slog.Logger
	writer *recording.Writer
	wanted map[string]bool // subjects; empty for all
	since  time.Time       // of stored snapshots; zero for new ones only
	limit  int64           // bytes; 0 for none
	failed error

	last     bus.Position // recorded
	messages int
	bytes    int64
	first    time.Time // storage time of the first and the latest message
	latest   time.Time
	seen     map[string]bool // recorded subjects, one a host
	screen   io.Writer       // a terminal, or nil
	shown    time.Time
}

// maxCounted bounds the counted hosts.
const maxCounted = 100_000

// errEnough ends a recording at its limit.
var errEnough = errors.New("limit of the recording reached")

// follow records until the context ends or the limit is reached.
func (r *recorder) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	behind := !r.since.IsZero()
	var err error
	if behind {
		err = r.readBack(ctx)
	}
	if err == nil {
		err = r.bus.Tail(ctx, event.StreamSnapshots, func(m bus.Message) {
			if r.failed != nil {
				return
			}
			if behind {
				behind = false
				r.failed = r.readBack(ctx) // what was stored between reading back and the subscription
			}
			if r.failed == nil {
				r.failed = r.take(m)
			}
			if r.failed != nil {
				cancel()
			}
		})
		err = errors.Join(err, r.failed)
	}
	if errors.Is(err, errEnough) || ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// readBack records what is stored and not recorded yet.
func (r *recorder) readBack(ctx context.Context) error {
	if r.last.Sequence > 0 {
		return r.bus.Read(ctx, event.StreamSnapshots, r.last.Sequence+1, 0, r.take)
	}
	return r.bus.ReadSince(ctx, event.StreamSnapshots, r.since, r.take)
}

// take records a message, once.
func (r *recorder) take(m bus.Message) error {
	at := bus.Position{Stream: m.Stream, Sequence: m.Sequence}
	if r.last.Stream.Equal(at.Stream) && at.Sequence <= r.last.Sequence {
		return nil
	}
	r.last = at
	if len(r.wanted) > 0 && !r.wanted[m.Subject] || r.writer.Has(m.Stream, m.Sequence) {
		return nil
	}
	err := r.writer.Write(&recording.Message{
		Subject: m.Subject, Data: m.Data, Stream: m.Stream, Sequence: m.Sequence, StoredAt: m.StoredAt, SentAt: m.SentAt,
	})
	if err != nil {
		return err
	}
	if r.messages == 0 {
		r.first = m.StoredAt
	}
	r.messages, r.latest, r.bytes = r.messages+1, m.StoredAt, r.bytes+int64(len(m.Data))
	if len(r.seen) < maxCounted {
		r.seen[m.Subject] = true
	}
	r.show()
	if r.limit > 0 && r.bytes >= r.limit {
		return errEnough
	}
	return nil
}

// show prints the progress on a terminal.
func (r *recorder) show() {
	if r.screen == nil || time.Since(r.shown) < 100*time.Millisecond {
		return
	}
	r.shown = time.Now()
	fmt.Fprintf(r.screen, "\r\x1b[Krecording: %s, latest %s", r.soFar(), r.latest.Local().Format(time.TimeOnly))
}

func (r *recorder) soFar() string {
	return fmt.Sprintf("%s of %s, %.1f MiB", cmdutil.Count(r.messages, "message"), cmdutil.Count(len(r.seen), "host"), float64(r.bytes)/(1<<20))
}

// summary prints what was recorded, and the hash that proves it.
func (r *recorder) summary(out io.Writer, dir string) error {
	manifest := filepath.Join(dir, "manifest.json")
	text, err := os.ReadFile(manifest)
	if err != nil {
		return err
	}
	span := ""
	if r.messages > 0 {
		span = fmt.Sprintf(", stored from %s to %s", r.first.UTC().Format(time.RFC3339), r.latest.UTC().Format(time.RFC3339))
	}
	_, err = fmt.Fprintf(out, "recorded %s%s\n%s: SHA-256 %x\n", r.soFar(), span, manifest, sha256.Sum256(text))
	return err
}
