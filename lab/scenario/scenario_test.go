package scenario

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"headstart/conntable"
	"headstart/detect"
	"headstart/detect/baseline"
	"headstart/detect/inventory"
	"headstart/detect/rule"
	"headstart/event"
	"headstart/replay/reconstruct"
	"headstart/replay/zeek"
	rules "headstart/rules.expr"
)

func TestSeed(t *testing.T) {
	one, again, other := New(1), New(1), New(2)
	if !reflect.DeepEqual(one, again) {
		t.Error("two scenarios of one seed differ")
	}
	if reflect.DeepEqual(one.Records, other.Records) {
		t.Error("another seed has the same days")
	}
	for k, s := range one.Published() {
		if o := other.Published()[k]; s != o {
			t.Errorf("another seed has another incident: %+v, not %+v", o, s)
		}
	}
}

func TestIncidentMatchesPublishedTimeline(t *testing.T) {
	s := New(1)
	var got []string
	for _, step := range append(s.Published(), s.SIEM) {
		got = append(got, step.At.Format(time.DateTime)+" "+step.Name)
	}
	want := []string{
		"2025-06-05 14:30:00 SSH compromise of web-01",
		"2025-06-05 14:30:23 database session on db-01, 847 s",
		"2025-06-05 15:15:41 SMB reconnaissance",
		"2025-06-05 15:47:12 move to the file server fs-01",
		"2025-06-05 16:22:08 RDP to the domain controller",
		"2025-06-05 17:30:00 the SIEM's first alarm",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, step := range s.Steps {
		found := step.Port == 0
		for i := range s.Records {
			r := &s.Records[i]
			found = found || r.Start == step.At.UnixNano() && r.Originator == step.Source && r.ResponderPort == step.Port
		}
		if !found {
			t.Errorf("%s %s: no connection in the log", step.At.Format(time.TimeOnly), step.Text)
		}
	}
}

// TestWebServerMatchesPublishedDay counts what web-01 does in an ordinary hour.
func TestWebServerMatchesPublishedDay(t *testing.T) {
	s := New(1)
	noon := s.Day.Add(12 * time.Hour)
	open := func(at time.Time, is func(*zeek.Record) bool) (n int) {
		for i := range s.Records {
			if r := &s.Records[i]; r.Start <= at.UnixNano() && r.End() > at.UnixNano() && is(r) {
				n++
			}
		}
		return n
	}
	for _, tt := range []struct {
		name        string
		least, most int
		is          func(*zeek.Record) bool
	}{
		{"from the load balancer", 12, 15, func(r *zeek.Record) bool {
			return r.Originator == of("lb-01") && r.Responder == of("web-01") && (r.ResponderPort == 443 || r.ResponderPort == 80)
		}},
		{"to monitoring", 1, 1, func(r *zeek.Record) bool {
			return r.Originator == of("web-01") && r.Responder == of("mon-01")
		}},
		{"to HTTPS outside", 4, 6, func(r *zeek.Record) bool {
			return r.Originator == of("web-01") && r.ResponderPort == 443
		}},
	} {
		for minute := range 60 {
			at := noon.Add(time.Duration(minute) * time.Minute)
			if n := open(at, tt.is); n < tt.least || n > tt.most {
				t.Errorf("%s: %d connections %s, want %d to %d", at.Format(time.TimeOnly), n, tt.name, tt.least, tt.most)
			}
		}
	}
	sessions := 0
	for i := range s.Records {
		r := &s.Records[i]
		if r.Originator != of("web-01") || r.Responder != of("db-01") || r.Start < noon.UnixNano() || r.Start >= noon.Add(time.Hour).UnixNano() {
			continue
		}
		if sessions++; time.Duration(r.Duration) < 100*time.Millisecond || time.Duration(r.Duration) > 2*time.Second {
			t.Errorf("a database session of %s", time.Duration(r.Duration))
		}
	}
	if sessions < 120 || sessions > 180 {
		t.Errorf("%d database sessions in an hour, want 2 to 3 a minute", sessions)
	}
}

func TestRecordsInOrderAndRange(t *testing.T) {
	s := New(3)
	for i := range s.Records {
		r := &s.Records[i]
		if i > 0 && r.Start < s.Records[i-1].Start {
			t.Fatalf("record %d begins before the one before", i)
		}
		if r.Start < s.Start.UnixNano() || r.End() > s.End.UnixNano() && r.State != zeek.S0 {
			t.Fatalf("record %d is outside the scenario: %s", i, r)
		}
	}
}

// TestDefaultRulesetFindsTheIncident replays the scenario: one notified
// incident, hours before the SIEM's alarm, with the attacker's whole path.
func TestDefaultRulesetFindsTheIncident(t *testing.T) {
	seeds := uint64(2)
	if testing.Short() {
		seeds = 1
	}
	for seed := uint64(1); seed <= seeds; seed++ {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			s := New(seed)
			found := play(t, s)
			if len(found) != 1 {
				t.Fatalf("%d notified incidents, want 1: %v", len(found), found)
			}
			for _, i := range found {
				if ahead := s.SIEM.At.Sub(i.NotifiedAt); ahead < 150*time.Minute || i.NotifiedAt.Before(s.Steps[0].At) {
					t.Errorf("notified at %s", i.NotifiedAt)
				}
				for _, step := range s.Published() {
					on := false
					for _, e := range i.Path {
						on = on || e.Source == step.Source && e.Destination == step.Destination && e.Port == step.Port
					}
					if sweep := step.Destination == (event.Address{}); !on && !sweep {
						t.Errorf("%s is not on the path", step.Name)
					}
				}
			}
		})
	}
}

// play returns the last revision of each notified incident.
func play(t *testing.T, s *Scenario) map[string]*event.Incident {
	t.Helper()
	known, err := inventory.Parse("inventory.yaml", Inventory())
	if err != nil {
		t.Fatal(err)
	}
	fleet, err := reconstruct.Build(s.Records, reconstruct.Options{Inventory: known, From: s.Start, Until: s.End, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	set, err := rule.LoadLayers([]rule.Layer{{Name: "the default ruleset", Files: rules.Files}}, known.Internal)
	if err != nil {
		t.Fatal(err)
	}
	correlator := detect.New(set, detect.Options{Inventory: known, Baseline: baseline.Options{Learning: 72 * time.Hour}})
	type host struct {
		table    conntable.Table
		next     time.Time
		sequence uint64
	}
	var comparer conntable.Comparer
	var changes event.Changes
	hosts, found := map[string]*host{}, map[string]*event.Incident{}
	for snapshot := range reconstruct.Merge(fleet.Feeds()) {
		h := hosts[snapshot.Host]
		if h == nil {
			h = new(host)
			hosts[snapshot.Host] = h
		}
		if snapshot.TakenAt.Before(h.next) {
			continue
		}
		h.sequence++
		taken := *snapshot
		taken.Sequence, taken.Interval = h.sequence, Interval(snapshot.TakenAt)
		h.next = taken.TakenAt.Add(taken.Interval - 15*time.Second)
		if r := comparer.Apply(&h.table, &taken, 0, &changes); r != conntable.Compared {
			t.Fatalf("snapshot %s is %s", taken.ID(), r)
		}
		for _, i := range correlator.Apply(&changes, changes.ObservedAt).Incidents {
			if i.Notified && i.MergedInto == "" {
				found[i.ID] = i
			}
		}
	}
	return found
}
