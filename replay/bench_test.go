package replay_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"headstart/detect"
	"headstart/detect/inventory"
	"headstart/detect/rule"
	"headstart/event"
	"headstart/lab/simulate"
	"headstart/replay"
	"headstart/replay/reconstruct"
	"headstart/replay/zeek"
	rules "headstart/rules.expr"
)

// counted is a sink that counts alerts.
type counted struct{ alerts int }

func (c *counted) Alert(*event.Alert) error       { c.alerts++; return nil }
func (c *counted) Incident(*event.Incident) error { return nil }

// BenchmarkSides says what a second set of rules costs: a backtest against a
// replay, on the same history.
func BenchmarkSides(b *testing.B) {
	s, err := simulate.Simulate(simulate.Options{Seed: 3, Days: 2, Hosts: 20, Learn: 24 * time.Hour})
	if err != nil {
		b.Fatal(err)
	}
	var known, traffic bytes.Buffer
	if err := errors.Join(s.WriteInventory(&known), s.WriteLog(&traffic)); err != nil {
		b.Fatal(err)
	}
	hosts, err := inventory.Parse("inventory.yaml", known.Bytes())
	if err != nil {
		b.Fatal(err)
	}
	file := filepath.Join(b.TempDir(), "conn.log")
	if err := os.WriteFile(file, traffic.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
	log, err := zeek.Read(b.Context(), []string{file}, zeek.Options{})
	if err != nil {
		b.Fatal(err)
	}
	set, err := rule.Load(rules.Files, "the default ruleset")
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{1, 2} {
		b.Run(map[int]string{1: "replay", 2: "backtest"}[n], func(b *testing.B) {
			snapshots := 0
			for b.Loop() {
				fleet, err := reconstruct.Build(log.Records, reconstruct.Options{Inventory: hosts, Seed: 1})
				if err != nil {
					b.Fatal(err)
				}
				feed := replay.Compare(func(yield func(*event.Snapshot, time.Duration) error) error {
					for s := range reconstruct.Merge(fleet.Feeds()) {
						if err := yield(s, 0); err != nil {
							return err
						}
					}
					return nil
				})
				var sides []replay.Variant
				for range n {
					sides = append(sides, replay.Variant{Sink: new(counted), Options: replay.Options{Rules: set, Correlation: detect.Options{Inventory: hosts}}})
				}
				totals, err := replay.RunAll(b.Context(), feed, sides)
				if err != nil {
					b.Fatal(err)
				}
				snapshots = totals[0].Snapshots
			}
			b.ReportMetric(float64(snapshots)*float64(b.N)/b.Elapsed().Seconds(), "snapshots/s")
		})
	}
}
