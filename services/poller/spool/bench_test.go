package spool_test

import (
	"fmt"
	"testing"

	"headstart/services/poller/spool"
)

// A snapshot of 200 sockets is about this large.
const snapshotSize = 3 << 10

func BenchmarkPushPop(b *testing.B) {
	for _, kind := range []struct {
		name string
		dir  bool
	}{{"memory", false}, {"directory", true}} {
		b.Run(kind.name, func(b *testing.B) {
			var o spool.Options
			if kind.dir {
				o.Dir = b.TempDir()
			}
			s := open(b, o)
			m := spool.Message{ID: "web-01/boot/run/1", Payload: make([]byte, snapshotSize)}
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Push(m); err != nil {
					b.Fatal(err)
				}
				head(b, s)
				s.Pop()
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	const messages = 1000
	o := spool.Options{Dir: b.TempDir()}
	s := open(b, o)
	for i := range messages {
		if err := s.Push(spool.Message{ID: fmt.Sprint(i), Payload: make([]byte, snapshotSize)}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		s = reopen(b, s, o)
	}
	if s.Stats().Messages != messages {
		b.Errorf("%d messages, want %d", s.Stats().Messages, messages)
	}
}
