package lab

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"headstart/event"
)

func TestEndings(t *testing.T) {
	for _, test := range []struct {
		name           string
		how            Ending
		client, server int // rows in TIME_WAIT that stay
	}{
		{"client closes by FIN", ClientCloses, 1, 0},
		{"server closes by FIN", ServerCloses, 0, 1},
		{"client resets", ClientResets, 0, 0},
		{"server resets", ServerResets, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := New(t)
			web, db := l.Host("web"), l.Host("db")
			server := db.Serve("tcp4", db.Address.String()+":5432")
			session, err := web.Open(t.Context(), server.Address)
			if err != nil {
				t.Fatal(err)
			}
			if err := session.End(test.how); err != nil {
				t.Fatal(err)
			}
			if session.Ended.Before(session.Opened) {
				t.Errorf("ended at %s, before it was opened at %s", session.Ended, session.Opened)
			}
			client := web.Await(soon, "the client's end", func(rows []Socket) bool {
				return len(rows) == count(rows, event.TimeWait)
			})
			responder := db.Await(soon, "the server's end", func(rows []Socket) bool {
				return len(rows) == 1+count(rows, event.TimeWait)
			})
			if n := count(client, event.TimeWait); n != test.client {
				t.Errorf("the client has %d rows in TIME_WAIT, want %d", n, test.client)
			}
			if n := count(responder, event.TimeWait); n != test.server {
				t.Errorf("the server has %d rows in TIME_WAIT, want %d", n, test.server)
			}
			for _, row := range append(client, responder...) {
				if row.State == event.TimeWait && (row.Inode != 0 || row.Timer != event.TimerTimeWait || row.Remaining == 0) {
					t.Errorf("TIME_WAIT without its timer or with an inode: %+v", row)
				}
			}
		})
	}
}

func TestSessionStaysOpen(t *testing.T) {
	l := New(t)
	web, db := l.Host("web"), l.Host("db")
	server := db.Serve("tcp", "[::]:5432")
	session, err := web.Open(t.Context(), netip.AddrPortFrom(db.Address, server.Address.Port()))
	if err != nil {
		t.Fatal(err)
	}
	before := sockets(t, web)
	for range 3 {
		if err := session.Ping(); err != nil {
			t.Fatal(err)
		}
	}
	if after := sockets(t, web); len(after) != 1 || after[0].Inode != before[0].Inode {
		t.Errorf("the session changed from %+v to %+v", before, after)
	}
	server.Close()
	if err := session.Ping(); err == nil {
		t.Error("a session with a server that is closed still answers")
	}
}

func TestRepeatOpensTheSessionsItReturns(t *testing.T) {
	l := New(t)
	web, db := l.Host("web"), l.Host("db")
	server := db.Serve("tcp", "[::]:5432")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	type result struct {
		sessions []*Session
		err      error
	}
	done := make(chan result)
	go func() {
		all, err := web.Repeat(ctx, netip.AddrPortFrom(db.Address, server.Address.Port()), 2*time.Millisecond, ClientCloses)
		done <- result{all, err}
	}()
	web.Await(soon, "20 connections in TIME_WAIT", func(rows []Socket) bool {
		return count(rows, event.TimeWait) >= 20
	})
	stop()
	made := <-done
	if made.err != nil {
		t.Fatal(made.err)
	}
	rows := web.Await(soon, fmt.Sprintf("%d connections in TIME_WAIT", len(made.sessions)), func(rows []Socket) bool {
		return len(rows) == count(rows, event.TimeWait)
	})
	shown := map[netip.AddrPort]bool{}
	for _, row := range rows {
		shown[row.Local] = true
	}
	for _, s := range made.sessions {
		if !shown[s.Local] {
			t.Errorf("the session from %s is not in the table", s.Local)
		}
		delete(shown, s.Local)
	}
	// A session that the context's end cut off before it was usable is in the
	// table and not in the list.
	if len(shown) > 1 {
		t.Errorf("the table shows %d connections that no test made: %v", len(shown), shown)
	}
}

func TestRepeatReportsARefusedConnect(t *testing.T) {
	l := New(t)
	web, db := l.Host("web"), l.Host("db")
	all, err := web.Repeat(t.Context(), netip.AddrPortFrom(db.Address, 5432), time.Millisecond, ClientCloses)
	if err == nil || len(all) != 0 {
		t.Errorf("got %d sessions and error %v without a listener", len(all), err)
	}
}
