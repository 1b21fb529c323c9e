package firing_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"headstart/detect/firing"
	"headstart/detect/rule"
	"headstart/event"
	"headstart/event/wire"
)

var noon = time.Date(2025, 6, 5, 12, 0, 0, 0, time.UTC)

// loadRules loads rules of which only the condition, or the sequence, matters,
// by id.
func loadRules(t testing.TB, conditions map[string]string) *rule.Set {
	t.Helper()
	files := fstest.MapFS{}
	for id, when := range conditions {
		if !strings.HasPrefix(when, "sequence:") {
			when = "when: " + when
		}
		files[id+".yaml"] = &fstest.MapFile{Data: []byte("rule: " + id + "\ntitle: T\nseverity: low\n" + when + "\n")}
	}
	set, err := rule.Load(files, "rules")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// opened returns a message in which numbered connections opened to a port.
func opened(port uint16, first, count int) *event.Changes {
	c := &event.Changes{
		Host: "web-01", BootID: "b", Run: "r", Sequence: 1, ObservedAt: noon,
		Addresses: []event.Address{event.AddressFrom4(0x0a000005)}, Roles: []string{"web"}, Part: 1, Parts: 1,
	}
	for n := first; n < first+count; n++ {
		one := event.Connection{
			Kind: event.Opened, State: event.Established, Direction: event.Outbound, DirectionFrom: event.FromPorts,
			Local: event.AddressFrom4(0x0a000005), LocalPort: uint16(n), Remote: event.AddressFrom4(0x0a000009), RemotePort: port,
			OpenedBefore: noon, SeenUntil: noon,
		}
		binary.BigEndian.PutUint64(one.ID[:], uint64(n))
		c.Connections = append(c.Connections, one)
	}
	return c
}

// closed returns the message after another, in which its connections closed.
func closed(after *event.Changes) *event.Changes {
	c := next(after)
	for _, one := range after.Connections {
		one.Kind, one.Reason = event.Closed, event.ResetOrUnknown
		one.ClosedAfter, one.ClosedBefore = after.ObservedAt, c.ObservedAt
		c.Connections = append(c.Connections, one)
	}
	return c
}

// next returns the heartbeat after a message.
func next(after *event.Changes) *event.Changes {
	c := *after
	c.Sequence++
	c.PreviousAt, c.ObservedAt = after.ObservedAt, after.ObservedAt.Add(30*time.Second)
	c.Connections = nil
	return &c
}

func nobody(event.Address) *rule.Host { return nil }

var self = &rule.Host{Name: "web-01", Roles: []string{"web"}}

func TestMemoryHasACap(t *testing.T) {
	const tooMany = 7
	w := firing.NewRules(loadRules(t, map[string]string{
		"fires": "conn.port == 445", "waits": "conn.port == 445\nfor: 1m",
	}))
	var host firing.Host
	first := opened(445, 0, firing.MaxEntries+tooMany)
	findings, changed, forgotten := w.Evaluate(&host, first, self, nobody)
	if len(findings) != firing.MaxEntries+tooMany || !changed {
		t.Errorf("%d alerts, want one for each of %d connections", len(findings), firing.MaxEntries+tooMany)
	}
	if host.Len() != firing.MaxEntries || forgotten != tooMany {
		t.Errorf("%d remembered and %d forgotten, want %d and %d", host.Len(), forgotten, firing.MaxEntries, tooMany)
	}
	full := opened(445, 30_000, 1)
	full.Sequence, full.PreviousAt, full.ObservedAt = 2, noon, noon.Add(time.Second)
	if _, changed, forgotten := w.Evaluate(&host, full, self, nobody); changed || forgotten != 1 {
		t.Errorf("one more: %d forgotten, changed is %t", forgotten, changed)
	}
	first.Sequence = full.Sequence
	var codec firing.Codec
	state, err := codec.Save(&host, first)
	if err != nil {
		t.Fatal(err)
	}
	restored, _, err := codec.Restore(state)
	if err != nil || restored.Len() != firing.MaxEntries {
		t.Fatalf("a full memory of %d bytes comes back with %d: %v", len(state), restored.Len(), err)
	}

	second := closed(first)
	w.Evaluate(&host, second, self, nobody)
	if host.Len() != 0 {
		t.Errorf("%d remembered of what is closed", host.Len())
	}
	third := opened(445, 20_000, 1)
	third.Sequence, third.PreviousAt, third.ObservedAt = second.Sequence+1, second.ObservedAt, second.ObservedAt.Add(time.Second)
	if _, _, forgotten := w.Evaluate(&host, third, self, nobody); forgotten != 0 || host.Len() != 1 {
		t.Errorf("there is no room again: %d forgotten, %d remembered", forgotten, host.Len())
	}
}

func TestHeartbeatWithoutChangesSavesNothing(t *testing.T) {
	w := firing.NewRules(loadRules(t, map[string]string{"fires": "conn.port == 445", "waits": "conn.port == 5432\nfor: 1h"}))
	var host firing.Host
	message := opened(445, 0, 3)
	message.Connections = append(message.Connections, opened(5432, 3, 3).Connections...)
	if _, changed, _ := w.Evaluate(&host, message, self, nobody); !changed {
		t.Error("alerts and waiting rules have nothing to save")
	}
	for range 3 {
		message = next(message)
		if findings, changed, _ := w.Evaluate(&host, message, self, nobody); changed || len(findings) > 0 {
			t.Errorf("changed is %t, %d findings", changed, len(findings))
		}
	}
	over := next(message)
	over.Connections = closed(opened(80, 100, 5)).Connections
	over.Connections = append(over.Connections, closed(opened(445, 200, 5)).Connections...)
	if findings, changed, _ := w.Evaluate(&host, over, self, nobody); changed || len(findings) != 5 {
		t.Errorf("the end of what wasn't remembered has something to save: %t; %d findings", changed, len(findings))
	}
}

func TestSavedStateNamesItsMessage(t *testing.T) {
	w := firing.NewRules(loadRules(t, map[string]string{"fires": "conn.port == 445"}))
	var host firing.Host
	message := opened(445, 0, 2)
	message.ClockOffset, message.Interval, message.Open = time.Hour, 30*time.Second, 2
	w.Evaluate(&host, message, self, nobody)
	var codec firing.Codec
	state, err := codec.Save(&host, message)
	if err != nil {
		t.Fatal(err)
	}
	_, last, err := codec.Restore(state)
	if err != nil {
		t.Fatal(err)
	}
	if last.SnapshotID() != message.SnapshotID() || !last.ObservedAt.Equal(message.ObservedAt) || last.ClockOffset != time.Hour ||
		len(last.Addresses) != 1 || len(last.Roles) != 1 || last.Connections != nil {
		t.Errorf("restored %+v", last)
	}
	if len(message.Connections) != 2 {
		t.Error("saving has changed the message")
	}
}

func TestUnusableStateIsRejected(t *testing.T) {
	sound := savedState(t)
	message := must(t)(new(event.ChangesEncoder).Append(nil, opened(445, 0, 1)))
	tooMany := must(t)(new(event.ChangesEncoder).Append(nil, opened(445, 0, firing.MaxEntries+1)))
	array := func(n int, message []byte, rest ...byte) []byte {
		var w wire.Writer
		w.Reset([]byte{1})
		w.Array(n)
		w.Binary(message)
		return append(w.Bytes(), rest...)
	}
	for name, test := range map[string]struct {
		state []byte
		want  string
	}{
		"nothing":              {nil, "another version"},
		"another version":      {append([]byte{9}, sound[1:]...), "another version"},
		"only a version":       {sound[:1], "restore watch"},
		"cut in the message":   {sound[:20], "restore watch"},
		"cut in the rules":     {sound[:len(sound)-1], "rules of connection"},
		"more after the end":   {append(bytes.Clone(sound), 0), "1 bytes after the end"},
		"no message":           {array(3, nil, 0x90, 0x90), "not a msgpack map"},
		"fewer rules":          {array(1, message), "1 connections in an array of 1"},
		"more connections":     {array(1+2*(firing.MaxEntries+1), tooMany), "10001 connections"},
		"rules without end":    {array(3, message, 0xdd, 0xff, 0xff, 0xff, 0xff), ": 4294967295 entries, more than"},
		"a number for a rule":  {array(3, message, 0x91, 7), "a string is expected"},
		"a number for the map": {array(3, []byte{7}), "restore watch"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := new(firing.Codec).Restore(test.state)
			if err == nil || !strings.HasPrefix(err.Error(), "restore watch: ") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want it to say %q", err, test.want)
			}
			if versions := test.want == "another version"; versions != errors.Is(err, event.ErrVersion) {
				t.Errorf("%v is a matter of versions: %t", err, !versions)
			}
		})
	}
}

func must(t testing.TB) func(data []byte, err error) []byte {
	return func(data []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
}

// savedState is the state of a host with rules that have fired and that wait.
func savedState(t testing.TB) []byte {
	t.Helper()
	w := firing.NewRules(loadRules(t, map[string]string{"fires": "conn.port == 445", "waits": "conn.port == 445\nfor: 1m"}))
	var host firing.Host
	message := opened(445, 0, 3)
	w.Evaluate(&host, message, self, nobody)
	return must(t)(new(firing.Codec).Save(&host, message))
}

// FuzzRestore: whatever is in the bucket, it is refused or it is a host that
// can be watched and saved.
func FuzzRestore(f *testing.F) {
	f.Add(savedState(f))
	f.Add(must(f)(new(firing.Codec).Save(new(firing.Host), opened(445, 0, 0))))
	f.Add([]byte{1})
	w := firing.NewRules(loadRules(f, map[string]string{"fires": "conn.port == 445", "waits": "conn.port == 445\nfor: 1m"}))
	f.Fuzz(func(t *testing.T, state []byte) {
		var codec firing.Codec
		host, last, err := codec.Restore(state)
		if err != nil {
			return
		}
		if host.Len() > firing.MaxEntries {
			t.Fatalf("%d remembered", host.Len())
		}
		saved := must(t)(codec.Save(host, last))
		again, lastAgain, err := codec.Restore(saved)
		if err != nil {
			t.Fatalf("what was restored can't be restored again: %v", err)
		}
		if !bytes.Equal(must(t)(codec.Save(again, lastAgain)), saved) {
			t.Fatal("saved and restored, it is another host")
		}
		message := next(last)
		w.Evaluate(host, message, self, nobody)
		must(t)(codec.Save(host, message))
	})
}
