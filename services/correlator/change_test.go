package correlator

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"headstart/bus"
	"headstart/event"
)

// change changes the file of a rule and puts that in force.
func (b *bench) change(id, when string) {
	b.t.Helper()
	b.files[id+".yaml"] = &fstest.MapFile{Data: []byte(ruleFile(id, when))}
	b.rules.try()
	if r := b.rules.rejected.Load(); r != nil {
		b.t.Fatal(r.Error)
	}
}

func (b *bench) fired(work bus.Work) (ids []string) {
	for _, a := range b.alerts(work) {
		ids = append(ids, a.Rule)
	}
	slices.Sort(ids)
	return ids
}

func TestReloadKeepsWhatOtherRulesRemember(t *testing.T) {
	b := newBench(t, map[string]string{
		"waits":    "conn.port == 5432\nfor: 1m",
		"count":    "conn.port == 445\ncount: {by: host.name, of: conn.peer, within: 1h, at_least: 3}",
		"sequence": "conn.port == 80",
		"path":     "conn.port == 22\npath: {hops: 2, within: 1h}",
		"other":    "conn.port == 1",
	})
	b.files["sequence.yaml"].Data = []byte("rule: sequence\ntitle: T\nseverity: low\nsequence:\n  within: 1h\n  steps:\n" +
		"    - {when: conn.port == 80, by: host.name}\n    - {when: conn.port == 443, by: host.name}\n")
	b.options.MaxHosts = 10
	b.restart()
	named := func(host string, own string) func(c *event.Changes) {
		return func(c *event.Changes) { c.Addresses = []event.Address{address(own)} }
	}
	b.says("db-01", named("db-01", "10.1.1.20"))
	b.says("web-01", named("web-01", "10.1.1.10"))
	both := func(all ...func(*event.Changes)) func(*event.Changes) {
		return func(c *event.Changes) {
			for _, do := range all {
				do(c)
			}
		}
	}
	b.says("web-01", both(opens(1, "10.1.2.20", 5432), opens(2, "10.1.2.1", 445), opens(3, "10.1.2.2", 445), opens(4, "10.1.2.1", 80), opens(5, "10.1.1.20", 22)))
	if got := b.fired(b.batch()); len(got) != 0 {
		t.Fatalf("%v fire at once", got)
	}
	before := b.correlator.set
	b.change("other", "conn.port == 2")
	b.change("more", "conn.port == 3")
	b.says("web-01", opens(6, "10.1.2.20", 2))
	if got := b.fired(b.batch()); !slices.Equal(got, []string{"other"}) || b.correlator.set == before {
		t.Fatalf("after the change %v fire", got)
	}
	b.says("web-01", both(opens(7, "10.1.2.3", 445), opens(8, "10.1.2.1", 443)))
	b.says("db-01", func(c *event.Changes) {
		opens(9, "10.1.3.30", 22)(c)
		c.Connections[0].Local = address("10.1.1.20")
	})
	if got := b.fired(b.batch()); !slices.Equal(got, []string{"count", "path", "sequence", "waits"}) {
		t.Errorf("%v fire, want those that had begun before the change", got)
	}
	t.Run("a rule that changes begins anew", func(t *testing.T) {
		b.says("web-02", both(opens(11, "10.1.2.1", 445), opens(12, "10.1.2.2", 445)))
		b.batch()
		b.change("count", "conn.port == 445 and conn.open\ncount: {by: host.name, of: conn.peer, within: 1h, at_least: 3}")
		b.says("web-02", opens(13, "10.1.2.3", 445))
		if got := b.fired(b.batch()); len(got) != 0 {
			t.Errorf("%v fire", got)
		}
	})
}

// recordedIn returns the checkpoint that is to be stored before what follows
// from a batch, and the set that it names.
func (b *bench) recordedIn(work bus.Work) (checkpoint, *ruleset) {
	b.t.Helper()
	if len(work.Before) != 1 || work.Before[0].Key != checkpointKey {
		b.t.Fatalf("before: %+v", work.Before)
	}
	saved, err := decodeCheckpoint(work.Before[0].Value)
	if err != nil {
		b.t.Fatal(err)
	}
	set, err := b.rules.decode(saved.rules)
	if err != nil {
		b.t.Fatal(err)
	}
	return saved, set
}

func TestRulesAreRecordedBeforeTheirAlerts(t *testing.T) {
	b := newBench(t, map[string]string{"port": "conn.port == 1"})
	b.says("web-01", nil)
	b.says("web-01", nil)
	if saved, set := b.recordedIn(b.batch()); saved.position.Sequence != 0 || set.Hash != b.rules.current().Hash {
		t.Errorf("at first: set %s after %d", set.Hash, saved.position.Sequence)
	}
	b.says("web-01", nil)
	if work := b.batch(); len(work.Before) != 0 {
		t.Error("recorded again without a change")
	}
	b.change("port", "conn.port == 2")
	b.says("web-01", opens(1, "10.1.2.20", 2))
	work := b.batch()
	saved, set := b.recordedIn(work)
	if saved.position.Sequence != 3 || set.Hash != b.rules.current().Hash || !set.since.Equal(b.rules.current().since) {
		t.Errorf("set %s after %d, active since %s", set.Hash, saved.position.Sequence, set.since)
	}
	if all := b.alerts(work); len(all) != 1 || all[0].Rules != set.Hash[:12] {
		t.Errorf("alerts %+v", all)
	}
}

// resumes begins a life with a checkpoint, as of another that had published what
// follows from the messages up to published.
func (b *bench) resumes(saved checkpoint, published uint64) {
	b.t.Helper()
	b.restart()
	b.activateSaved(saved.rules)
	if err := b.engine.Restore(saved.data); err != nil {
		b.t.Fatal(err)
	}
	b.correlator.saved, b.appliedTo, b.publishedTo.Sequence = saved, saved.position, published
}

// TestRestartContinuesWithThePreviousRules kills a correlator at every point
// around a change of its rules.
func TestRestartContinuesWithThePreviousRules(t *testing.T) {
	b := newBench(t, map[string]string{
		"count": "conn.port == 445\ncount: {by: host.name, of: conn.peer, within: 1h, at_least: 3}",
		"port":  "conn.port == 5432",
	})
	b.says("web-01", opens(1, "10.1.2.1", 445))
	b.says("web-01", opens(2, "10.1.2.9", 5432))
	b.batch()
	b.change("port", "conn.port == 22")
	b.says("web-01", opens(3, "10.1.2.2", 445))
	b.says("web-01", opens(4, "10.1.2.9", 22))
	b.says("web-01", opens(5, "10.1.2.3", 445))
	messages := b.messages
	first := b.batch()
	saved, old := b.recordedIn(first)
	if got := b.fired(first); !slices.Equal(got, []string{"count", "port"}) {
		t.Fatalf("%v fire", got)
	}
	// While it is dead, somebody changes the rules once more.
	b.change("port", "conn.port == 23")
	b.change("count", "conn.port == 446\ncount: {by: host.name, of: conn.peer, within: 1h, at_least: 3}")

	t.Run("what it may have published is the same again", func(t *testing.T) {
		for cut := 1; cut <= len(messages); cut++ { // the batches of the next life are others
			b.resumes(saved, 5)
			b.sequence = 5
			b.messages = slices.Clone(messages[:cut])
			again := b.batch()
			if len(again.Before) != 0 {
				t.Error("a set that is recorded is recorded again")
			}
			if cut < len(messages) {
				b.messages = slices.Clone(messages[cut:])
				again.Outputs = append(again.Outputs, b.batch().Outputs...)
			}
			sameOutputs(t, again.Outputs, first.Outputs)
			b.says("web-01", opens(6, "10.1.2.9", 23))
			next := b.batch()
			if _, set := b.recordedIn(next); set.Hash == old.Hash {
				t.Error("the newest set is not in force after that")
			}
			if got := b.fired(next); !slices.Equal(got, []string{"port"}) {
				t.Errorf("%v fire", got)
			}
			b.heartbeat["web-01"].Sequence--
		}
	})
	t.Run("what it can't have published is the new rules'", func(t *testing.T) {
		b.resumes(saved, 2)
		b.sequence = 5
		b.messages = slices.Clone(messages)
		work := b.batch()
		if _, set := b.recordedIn(work); set.Hash == old.Hash {
			t.Error("the newest set is not in force")
		}
		if got := b.fired(work); len(got) != 0 {
			t.Errorf("%v fire", got)
		}
	})
}

func sameOutputs(t *testing.T, got, want []bus.Output) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d outputs, want %d", len(got), len(want))
	}
	for i := range got {
		if got[i].ID != want[i].ID || !bytes.Equal(got[i].Data, want[i].Data) {
			t.Errorf("output %d is\n%s\nwant\n%s", i, got[i].Data, want[i].Data)
		}
	}
}

func TestUnchangedSetKeepsItsActivationTime(t *testing.T) {
	b := newBench(t, map[string]string{"port": "conn.port == 1"})
	b.says("web-01", nil)
	saved, set := b.recordedIn(b.batch())
	b.resumes(saved, 0)
	if now := b.rules.current(); !now.since.Equal(set.since) || b.correlator.set != now {
		t.Errorf("active since %s, want %s", now.since, set.since)
	}
	b.says("web-01", nil)
	if work := b.batch(); len(work.Before) != 0 {
		t.Error("a set that is recorded is recorded again")
	}
}

func TestBrokenCheckpoints(t *testing.T) {
	b := newBench(t, map[string]string{"port": "conn.port == 1"})
	b.says("web-01", nil)
	value := b.batch().Before[0].Value
	saved, err := decodeCheckpoint(value)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("rejected rules: the current ones replay it", func(t *testing.T) {
		b.resumes(checkpoint{rules: []byte("no rules"), data: saved.data, position: saved.position}, 0)
		if b.correlator.set != b.rules.current() || !strings.Contains(b.log.String(), "rules of the checkpoint rejected") {
			t.Errorf("log:\n%s", b.log.String())
		}
	})
	for n := range value {
		if _, err := decodeCheckpoint(value[:n]); err == nil {
			t.Errorf("one that is cut off after %d bytes is decoded", n)
		}
	}
}
