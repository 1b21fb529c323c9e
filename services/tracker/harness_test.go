package tracker

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"log/slog"
	"strings"
	"testing"
	"time"

	"headstart/bus"
	"headstart/conntable"
	"headstart/daemon"
	"headstart/event"
)

var noon = time.Date(2025, 6, 5, 12, 0, 0, 0, time.UTC)

// snapshotOf returns a host's snapshot with a number, thirty seconds after the
// one before, with as many connections as its number.
func snapshotOf(host string, sequence uint64) *event.Snapshot {
	at := time.Duration(sequence) * 30 * time.Second
	s := &event.Snapshot{
		Host: host, BootID: "b", Run: "r", Sequence: sequence, TakenAt: noon.Add(at), Uptime: time.Hour + at,
		Interval: 30 * time.Second, Part: 1, Parts: 1,
	}
	for n := range sequence {
		s.Sockets = append(s.Sockets, event.Socket{
			Local: event.AddressFrom4(0x0a000005), LocalPort: 40000 + uint16(n), Remote: event.AddressFrom4(0x0a000009), RemotePort: 443,
			State: event.Established, Inode: 1000 + n*n*7919%10_000,
		})
	}
	return s
}

// bench is a tracker without a server, which has all of its hosts in memory.
type bench struct {
	*tracker
	t         *testing.T
	telemetry *daemon.Telemetry
	sequence  uint64
	messages  []bus.Message
}

func newBench(t *testing.T, shards int, hosts ...string) *bench {
	t.Helper()
	telemetry := daemon.NewTelemetry()
	b := &bench{t: t, telemetry: telemetry, tracker: &tracker{
		log: slog.New(slog.DiscardHandler), metrics: newMetrics(telemetry.Metrics), seed: maphash.MakeSeed(), limit: 1 << 20,
	}}
	for range shards {
		b.shards = append(b.shards, newShard(b.tracker, nil, 1000))
	}
	b.metrics.watchHosts(telemetry.Metrics, b.tracker)
	for _, name := range hosts {
		subject := event.SnapshotSubject(name)
		b.of(subject).hosts[subject] = &host{table: new(conntable.Table)}
	}
	return b
}

func (b *bench) of(subject string) *shard {
	return b.shards[maphash.String(b.seed, subject)%uint64(len(b.shards))]
}

func (b *bench) arrives(subject string, data []byte) {
	b.sequence++
	at := noon.Add(time.Duration(b.sequence) * time.Second)
	b.messages = append(b.messages, bus.Message{Subject: subject, Data: data, Sequence: b.sequence, StoredAt: at, SentAt: at})
}

// takes adds a snapshot to the batch, in a number of parts.
func (b *bench) takes(s *event.Snapshot, parts int) {
	b.t.Helper()
	all := s.Sockets
	for part := range parts {
		s.Part, s.Parts = uint16(part+1), uint16(parts)
		s.Sockets = all[part*len(all)/parts : (part+1)*len(all)/parts]
		data, err := new(event.SnapshotEncoder).Append(nil, s)
		if err != nil {
			b.t.Fatal(err)
		}
		b.arrives(event.SnapshotSubject(s.Host), data)
	}
	s.Sockets = all
}

// batch handles what has arrived.
func (b *bench) batch() bus.Work {
	b.t.Helper()
	work, err := b.handle(b.t.Context(), b.messages)
	if err != nil {
		b.t.Fatal(err)
	}
	b.messages = nil
	return work
}

// restart gives a host to a tracker that has of it what is saved.
func (b *bench) restart(states []bus.State) {
	b.t.Helper()
	saved := map[string][]byte{}
	for _, s := range states {
		saved[s.Key] = s.Value
	}
	for _, s := range b.shards {
		for subject := range s.hosts {
			h, err := s.restore(saved[subject], saved[partsKey(subject)])
			if err != nil {
				b.t.Fatal(err)
			}
			s.hosts[subject] = h
		}
	}
}

// answers decodes the outputs, by id.
func (b *bench) answers(work bus.Work) map[string]event.Changes {
	b.t.Helper()
	all := map[string]event.Changes{}
	for _, o := range work.Outputs {
		if strings.HasPrefix(o.Subject, "deadletter.") {
			continue
		}
		var c event.Changes
		if err := new(event.ChangesDecoder).Decode(o.Data, &c); err != nil {
			b.t.Fatal(err)
		}
		if o.Subject != event.ConnectionSubject(c.Host) || o.ID != c.SnapshotID().MessageID(c.Part) {
			b.t.Errorf("changes of %s, part %d, are on %s under the id %s", c.SnapshotID(), c.Part, o.Subject, o.ID)
		}
		if _, twice := all[o.ID]; twice {
			b.t.Errorf("%s is answered twice", o.ID)
		}
		all[o.ID] = c
	}
	return all
}

func (b *bench) dead(work bus.Work) (all []event.DeadLetter) {
	b.t.Helper()
	for _, o := range work.Outputs {
		if o.Subject != "deadletter.tracker" {
			continue
		}
		var d event.DeadLetter
		if err := json.Unmarshal(o.Data, &d); err != nil {
			b.t.Fatal(err)
		}
		if o.Source != d.Sequence || o.ID != fmt.Sprintf("tracker/SNAPSHOTS/%d", d.Sequence) {
			b.t.Errorf("dead letter of message %d is of %d, under the id %s", d.Sequence, o.Source, o.ID)
		}
		all = append(all, d)
	}
	return all
}

func (b *bench) metric(line string) {
	b.t.Helper()
	var shown bytes.Buffer
	b.telemetry.Metrics.WritePrometheus(&shown)
	if !strings.Contains(shown.String(), line+"\n") {
		b.t.Errorf("metrics lack %q:\n%s", line, shown.String())
	}
}

func keysOf(states []bus.State) string {
	var keys []string
	for _, s := range states {
		keys = append(keys, s.Key)
	}
	return strings.Join(keys, ", ")
}
