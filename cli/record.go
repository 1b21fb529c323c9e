package cli

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
	"headstart/daemon"
	"headstart/event"
	"headstart/replay/recording"
)

// recordOptions are those of headstart record.
type recordOptions struct {
	dir   string
	hosts []string
	since time.Duration
	time  time.Duration
	bytes int64

	link    bus.Options
	logging daemon.LogOptions
}

func (o *recordOptions) flags(f *daemon.Flags) {
	f.StringVar(&o.dir, "dir", "", "`directory` to record into; made if missing, gone on with if there is a recording")
	f.ListVar(&o.hosts, "host", "`names` of the hosts to record, separated by commas (default all)")
	f.DurationVar(&o.since, "since", 0, "`time` back from now from which to record what is stored already, at most 24h unless the stream keeps more; 0 for nothing")
	f.DurationVar(&o.time, "for", 0, "`time` after which to end; 0 for not before Ctrl-C")
	f.BytesVar(&o.bytes, "bytes", 0, "`bytes` after which to end; 0 for no limit")
	for _, name := range []string{"dir", "since", "for", "bytes"} {
		f.EnvName(name, f.Variable("record-"+name))
	}
	f.EnvName("host", "HEADSTART_RECORD_HOSTS") // HEADSTART_HOST is a poller's own
	o.link.Flags(f)
	o.logging.Flags(f)
	o.logging.Level = slog.LevelWarn
}

func (o *recordOptions) check() error {
	var problems []error
	if o.dir == "" {
		problems = append(problems, daemon.Usage("--dir: say where to record to"))
	}
	if o.since < 0 || o.time < 0 {
		problems = append(problems, daemon.Usage("--since and --for: want no negative time"))
	}
	return errors.Join(problems...)
}

func recordCommand() *cobra.Command {
	o := new(recordOptions)
	f := daemon.NewFlags("headstart record", "")
	o.flags(f)
	c := &cobra.Command{
		Use:   "record --dir DIRECTORY",
		Short: "Record the snapshots of a running system, for evidence and for replay",
		Long: `Record the snapshots of a running system as they are, for evidence and for
headstart replay. Nothing changes for the system.

The directory gets files of snapshots and manifest.json, which lists each
finished file with its SHA-256. A recorder that is killed leaves all that it had
recorded; started again, it goes on with the recording.

Who sends the snapshots and whether they were changed on the way is up to NATS:
see docs/operations.md.`,
		Example: `  headstart record --dir /evidence/case-17 --since 24h
  headstart record --dir /evidence/case-17 --host web-01,db-01 --for 2h --server nats://nats.example:4222`,
		Args: asUsage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := errors.Join(f.ApplyEnv(c.Flags().Changed), o.check()); err != nil {
				return err
			}
			return record(c.Context(), o, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	c.Flags().AddGoFlagSet(f.Documented())
	c.MarkFlagDirname("dir")
	complete(c, "log-format", "text", "json")
	complete(c, "log-level", "debug", "info", "warn", "error")
	return c
}

func record(ctx context.Context, o *recordOptions, out, errs io.Writer) (err error) {
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
	err = connected(ctx, o.link, o.logging.Logger(errs), func(ctx context.Context, b *bus.Bus, log *slog.Logger) error {
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
	wanted map[string]bool // subjects; all if empty
	since  time.Time       // from when on what is stored is recorded; zero for what comes from now on
	limit  int64           // bytes; 0 for none
	failed error

	last     bus.Position // that was taken
	messages int
	bytes    int64
	first    time.Time // when the first and the latest message were stored
	latest   time.Time
	seen     map[string]bool // subjects that were recorded, for counting hosts
	screen   io.Writer       // a terminal, or nil
	shown    time.Time
}

// maxCounted bounds the hosts that are counted.
const maxCounted = 100_000

// errEnough ends a recording that is as large as it may become.
var errEnough = errors.New("recorded as much as was asked for")

// follow records until the context ends or there is enough.
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
				r.failed = r.readBack(ctx) // what was stored between reading back and following
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

// readBack records what is stored and was not taken yet.
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

// show tells on a terminal how far it is.
func (r *recorder) show() {
	if r.screen == nil || time.Since(r.shown) < 100*time.Millisecond {
		return
	}
	r.shown = time.Now()
	fmt.Fprintf(r.screen, "\r\x1b[Krecording: %s, the last of %s", r.soFar(), r.latest.Local().Format(time.TimeOnly))
}

func (r *recorder) soFar() string {
	return fmt.Sprintf("%s of %s, %.1f MiB", count(uint32(r.messages), "message"), count(uint32(len(r.seen)), "host"), float64(r.bytes)/(1<<20))
}

// summary says what was recorded, and what to write down to prove it.
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
	_, err = fmt.Fprintf(out, "recorded %s%s\n%s has SHA-256 %x\n", r.soFar(), span, manifest, sha256.Sum256(text))
	return err
}
