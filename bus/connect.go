package bus

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"headstart/backoff"
	"headstart/daemon"
)

// Bus is a connection to NATS. It reconnects forever.
type Bus struct {
	nc        *nats.Conn
	js        jetstream.JetStream
	log       *slog.Logger
	telemetry *daemon.Telemetry
	closed    chan struct{}
	session   session
}

// Connect connects to NATS. Unless Options.Wait is zero, it returns an error if
// no server answers in that time or the server rejects the user.
func Connect(ctx context.Context, log *slog.Logger, o Options) (*Bus, error) {
	options, err := o.nats()
	if err != nil {
		return nil, err
	}
	b := &Bus{log: log, telemetry: o.Telemetry, closed: make(chan struct{})}
	if b.telemetry == nil {
		b.telemetry = daemon.NewTelemetry()
	}
	b.session.renew(ctx)
	b.telemetry.Ready(o.Name, errors.New("not connected"))
	b.telemetry.Help(map[string]string{"headstart_nats_reconnects_total": "Reconnections to NATS."})
	reconnects := b.telemetry.Metrics.GetOrCreateCounter("headstart_nats_reconnects_total")
	logged := "" // the last connection error; the library calls its handlers one at a time
	options = append(options,
		nats.Name(o.Name),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(), // while a password is changed on the server first
		nats.CustomReconnectDelay(retryWait),
		nats.RetryOnFailedConnect(o.Wait == 0),
		nats.ReconnectBufSize(-1),
		nats.PingInterval(20*time.Second),
		nats.MaxPingsOutstanding(2),
		nats.ConnectHandler(func(nc *nats.Conn) {
			b.telemetry.Ready(o.Name, nil)
			logged = ""
			log.Info("connected", "server", redact(nc.ConnectedUrl()))
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			b.session.renew(ctx)
			if err == nil {
				return // closing
			}
			b.telemetry.Ready(o.Name, fmt.Errorf("disconnected: %w", err))
			log.Warn("disconnected", "error", err)
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			reconnects.Inc()
			b.telemetry.Ready(o.Name, nil)
			logged = ""
			log.Info("reconnected", "server", redact(nc.ConnectedUrl()))
		}),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) {
			b.telemetry.Ready(o.Name, fmt.Errorf("not connected: %w", err))
			if now := err.Error(); now != logged {
				logged = now
				log.Warn("nats not reachable", "error", err)
			}
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { log.Warn("nats error", "error", err) }),
		nats.ClosedHandler(func(*nats.Conn) { close(b.closed) }),
	)
	if b.nc, err = dial(ctx, log, o, options); err != nil {
		return nil, err
	}
	if b.js, err = jetstream.New(b.nc, jetstream.WithPublishAsyncMaxPending(2*maxPending), jetstream.WithPublishAsyncTimeout(10*time.Second)); err != nil {
		b.nc.Close()
		return nil, fmt.Errorf("use JetStream: %w", err)
	}
	return b, nil
}

func dial(ctx context.Context, log *slog.Logger, o Options, options []nats.Option) (*nats.Conn, error) {
	deadline := time.Now().Add(o.Wait)
	for attempt := 0; ; attempt++ {
		nc, err := nats.Connect(o.Server, options...)
		if err == nil {
			return nc, nil
		}
		if permanent(err) || time.Now().After(deadline) {
			return nil, fmt.Errorf("connect to NATS at %s: %w: check --server, the credentials, and that the server runs", redact(o.Server), err)
		}
		log.Warn("nats not reachable yet", "server", redact(o.Server), "error", err)
		if err := pause(ctx, retryWait(attempt)); err != nil {
			return nil, err
		}
	}
}

// permanent reports whether a retry can't succeed.
func permanent(err error) bool {
	var certificate *tls.CertificateVerificationError
	return errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired) || errors.As(err, &certificate)
}

// retryWait returns the wait after an attempt, counted from 0.
func retryWait(attempt int) time.Duration {
	return backoff.Exponential{Initial: 100 * time.Millisecond, Max: 10 * time.Second}.Wait(uint64(attempt), rand.Float64())
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Close flushes pending messages and returns when the connection is closed, or
// closes it immediately when the context ends and returns its error.
// nats.Conn.Drain alone returns before that, and acknowledgements would be lost.
func (b *Bus) Close(ctx context.Context) error {
	if err := b.nc.Drain(); err != nil {
		b.nc.Close()
	}
	select {
	case <-b.closed:
		return nil
	case <-ctx.Done():
		b.nc.Close()
		<-b.closed
		return fmt.Errorf("close connection to NATS: %w", ctx.Err())
	}
}
