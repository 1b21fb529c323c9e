package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"headstart/event"
)

// fleet is many hosts with realistic tables.
type fleet struct {
	options
	nc      *nats.Conn
	js      jetstream.JetStream
	hosts   []*host
	next    int
	sent    int
	random  *rand.Rand
	encoder event.SnapshotEncoder
}

// host is a server with listeners, clients, a database pool and outbound
// connections.
type host struct {
	event.Snapshot
	inode uint64
}

func newFleet(ctx context.Context, url string, o options) (*fleet, error) {
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil)))
	nc, err := nats.Connect(url, nats.MaxReconnects(0))
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(1024))
	if err != nil {
		return nil, err
	}
	f := &fleet{options: o, nc: nc, js: js, random: rand.New(rand.NewPCG(1, 2))}
	for i := range o.hosts {
		f.hosts = append(f.hosts, f.newHost(i))
	}
	return f, nil
}

func (f *fleet) close() { f.nc.Close() }

func (f *fleet) newHost(i int) *host {
	own := event.AddressFrom4(0x0a000000 | uint32(i+256))
	h := &host{inode: 10_000, Snapshot: event.Snapshot{
		Host: fmt.Sprintf("host-%05d", i), BootID: fmt.Sprintf("boot-%05d", i), Run: "run", Interval: 30 * time.Second,
		TakenAt: time.Now().UTC(), Uptime: 240 * time.Hour, Addresses: []event.Address{own}, Part: 1, Parts: 1,
		EphemeralLow: 32768, EphemeralHigh: 60999,
	}}
	if i%3 == 0 {
		h.Roles = []string{"web"}
	}
	for _, port := range []uint16{22, 80, 443, 9100} {
		h.Sockets = append(h.Sockets, event.Socket{LocalPort: port, State: event.Listen, Inode: uint64(port)})
	}
	for len(h.Sockets) < f.sockets {
		h.Sockets = append(h.Sockets, f.newSocket(h))
	}
	h.Sockets = event.NormalizeSockets(h.Sockets)
	return h
}

// newSocket is a client on 443 in six of ten cases, a pooled database
// connection in three (HTTPS outbound on web servers, whose long database
// sessions would raise alerts), HTTPS outbound in one; a third have gone to
// TIME_WAIT.
func (f *fleet) newSocket(h *host) event.Socket {
	r := f.random
	h.inode += uint64(r.IntN(50) + 1)
	s := event.Socket{Local: h.Addresses[0], State: event.Established, Inode: h.inode, UID: 33}
	ephemeral := uint16(32768 + r.IntN(28000))
	switch n := r.IntN(10); {
	case n < 6:
		s.LocalPort, s.Remote, s.RemotePort = 443, event.AddressFrom4(0x0aff0000|r.Uint32N(1<<16)), ephemeral
	case n < 9 && len(h.Roles) == 0:
		s.LocalPort, s.Remote, s.RemotePort = ephemeral, event.AddressFrom4(0x0afe0001+r.Uint32N(4)), 5432
	default:
		s.LocalPort, s.Remote, s.RemotePort = ephemeral, event.AddressFrom4(r.Uint32()|1<<31), 443
	}
	if r.IntN(3) == 0 {
		s.State, s.Timer, s.Inode, s.UID, s.Remaining = event.TimeWait, event.TimerTimeWait, 0, 0, 3000+r.Uint32N(3000)
	}
	return s
}

// step is a host's next snapshot: some sockets are others, time has passed.
func (f *fleet) step(h *host) {
	h.Sequence++
	h.TakenAt, h.Uptime = h.TakenAt.Add(h.Interval), h.Uptime+h.Interval
	if h.Sequence == 1 {
		return
	}
	changes := int(f.churn * float64(len(h.Sockets)))
	for range changes {
		i := f.random.IntN(len(h.Sockets))
		if h.Sockets[i].State != event.Listen {
			h.Sockets[i] = f.newSocket(h)
		}
	}
	h.Sockets = event.NormalizeSockets(h.Sockets)
	for len(h.Sockets) < f.sockets {
		h.Sockets = event.NormalizeSockets(append(h.Sockets, f.newSocket(h)))
	}
}

// send publishes snapshots, the hosts taking turns, no further ahead of the
// correlator than the window, and returns when it has handled all.
func (f *fleet) send(ctx context.Context, s *stages, n int) error {
	target := f.sent + n
	for f.sent < target {
		done, err := s.done()
		if err != nil {
			return err
		}
		for room := min(f.window-(f.sent-done), target-f.sent); room > 0; room-- {
			h := f.hosts[f.next]
			f.next = (f.next + 1) % len(f.hosts)
			f.step(h)
			data, err := f.encoder.Append(nil, &h.Snapshot)
			if err != nil {
				return err
			}
			message := nats.NewMsg(event.SnapshotSubject(h.Host))
			message.Data = data
			message.Header.Set(jetstream.MsgIDHeader, h.ID().MessageID(1))
			if _, err := f.js.PublishMsgAsync(message); err != nil {
				return err
			}
			f.sent++
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
	for {
		done, err := s.done()
		if err != nil || done >= target {
			return err
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context) error {
	select {
	case <-time.After(20 * time.Millisecond):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
