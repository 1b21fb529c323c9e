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

	"headstart/daemon"
)

// Bus is a connection to NATS. It reconnects by itself, for ever.
type Bus struct {
	nc        *nats.Conn
	js        jetstream.JetStream
	log       *slog.Logger
	telemetry *daemon.Telemetry
	closed    chan struct{}
	session   session
}

// Connect connects to NATS. Unless Options.Wait is zero it returns an error
// when no server answers in that time or the server refuses the user.
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
	b.telemetry.Ready(o.Name, errors.New("not connected yet"))
	reconnects := b.telemetry.Metrics.GetOrCreateCounter("headstart_nats_reconnects_total")
	trouble := "" // that was logged; the library calls its handlers one at a time
	options = append(options,
		nats.Name(o.Name),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(), // a password that is changed on the server first
		nats.CustomReconnectDelay(reconnectDelay),
		nats.RetryOnFailedConnect(o.Wait == 0),
		nats.ReconnectBufSize(-1),
		nats.PingInterval(20*time.Second),
		nats.MaxPingsOutstanding(2),
		nats.ConnectHandler(func(nc *nats.Conn) {
			b.telemetry.Ready(o.Name, nil)
			trouble = ""
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
			trouble = ""
			log.Info("reconnected", "server", redact(nc.ConnectedUrl()))
		}),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) {
			b.telemetry.Ready(o.Name, fmt.Errorf("not connected: %w", err))
			if now := err.Error(); now != trouble {
				trouble = now
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
		if refused(err) || time.Now().After(deadline) {
			return nil, fmt.Errorf("connect to NATS at %s: %w (is the server up, and are --server and the credentials right?)", redact(o.Server), err)
		}
		log.Warn("nats not reachable yet", "server", redact(o.Server), "error", err)
		if err := pause(ctx, backoff(attempt)); err != nil {
			return nil, err
		}
	}
}

// refused reports whether waiting won't help.
func refused(err error) bool {
	var certificate *tls.CertificateVerificationError
	return errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrAuthExpired) || errors.As(err, &certificate)
}

func reconnectDelay(attempts int) time.Duration { return backoff(attempts) }

// backoff doubles from 100 ms to 10 s, and takes a random half of that off so
// that ten thousand pollers don't come back at once.
func backoff(attempt int) time.Duration {
	d := min(100*time.Millisecond<<min(attempt, 10), 10*time.Second)
	return d/2 + rand.N(d/2)
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

// Close flushes what was sent and returns when the connection is closed, or
// with the context's error after closing it by force. nats.Conn.Drain alone
// returns before that, and acknowledgements would be lost.
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
