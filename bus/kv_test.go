package bus_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"headstart/bus"
)

func TestKV(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	open := func() *bus.KV {
		r, err := connect(t, bus.Options{Server: w.server.URL}).OpenKV(t.Context(), "NOTES", storage)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	registers := []*bus.KV{open(), open(), open()}
	count := func(old []byte) []byte {
		n, _ := strconv.Atoi(string(old))
		return strconv.AppendInt(nil, int64(n)+1, 10)
	}
	t.Run("returns the value", func(t *testing.T) {
		if value, err := registers[0].Get(t.Context(), "a.never"); value != nil || err != nil {
			t.Errorf("got %q, %v", value, err)
		}
		if value, err := registers[0].Update(t.Context(), "a.b=2E", func([]byte) []byte { return []byte("1") }); string(value) != "1" || err != nil {
			t.Errorf("got %q, %v", value, err)
		}
		if value, err := registers[1].Get(t.Context(), "a.b=2E"); string(value) != "1" || err != nil {
			t.Errorf("got %q, %v", value, err)
		}
	})
	t.Run("loses no concurrent update", func(t *testing.T) {
		var all sync.WaitGroup
		for _, r := range registers {
			all.Go(func() {
				for range 50 {
					if _, err := r.Update(t.Context(), "sum", count); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		if value, err := registers[0].Get(t.Context(), "sum"); string(value) != "150" || err != nil {
			t.Errorf("got %q, %v", value, err)
		}
	})
	t.Run("survives a restart of the server", func(t *testing.T) {
		w.server.Stop(t)
		done := make(chan error, 1)
		began := make(chan struct{})
		go func() {
			close(began)
			_, err := registers[2].Update(t.Context(), "away", count)
			done <- err
		}()
		<-began
		w.server.Restart(t)
		if err := receive(t, "the update", done); err != nil {
			t.Error(err)
		}
		await(t, "the value", func() bool {
			value, err := registers[0].Get(t.Context(), "away")
			return err == nil && string(value) == "1"
		})
	})
	t.Run("ends with the context", func(t *testing.T) {
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := registers[0].Update(ended, "x", count); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "bucket NOTES: key x: ") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("drops the oldest values when it is full", func(t *testing.T) {
		small, err := connect(t, bus.Options{Server: w.server.URL}).OpenKV(t.Context(), "SMALL", bus.Storage{Bytes: 16 << 20, Replicas: 1})
		if err != nil {
			t.Fatal(err)
		}
		value := make([]byte, 20<<10) // of which 160 KiB hold less than eight
		for i := range 20 {
			if _, err := small.Update(t.Context(), fmt.Sprint(i), func([]byte) []byte { return value }); err != nil {
				t.Fatal(err)
			}
		}
		for key, there := range map[string]bool{"0": false, "10": false, "18": true, "19": true} {
			if value, err := small.Get(t.Context(), key); err != nil || (value != nil) != there {
				t.Errorf("key %s: %d bytes, %v", key, len(value), err)
			}
		}
	})
}
