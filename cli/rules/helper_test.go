package rules

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"headstart/cli/clitest"
	"headstart/cli/cmdutil"
	"headstart/cli/replay"
	"headstart/conntable"
	"headstart/detect/bundle"
	"headstart/detect/inventory"
	"headstart/event"
	"headstart/lab/simulate"
	"headstart/replay/reconstruct"
	"headstart/replay/zeek"
	rules "headstart/rules.expr"
	"headstart/rulestore"
)

func execute(t *testing.T, args ...string) (string, error) {
	t.Helper()
	return clitest.Execute(t, clitest.Root(NewCommand(), replay.NewCommand()), args...)
}

// companyDays is how long the company of the tests is observed.
const companyDays = 2

// company is the files of a small company with an intrusion.
type company struct{ log, inventory string }

func simulated(start time.Time) company {
	s, err := simulate.Simulate(simulate.Options{
		Seed: 3, Start: start, Days: companyDays, Hosts: 10, Intrusions: 1, Kinds: []string{"aggressive"}, Stealth: []int{0}, Learn: 24 * time.Hour,
	})
	if err != nil {
		panic(err)
	}
	var log, inventory bytes.Buffer
	if err := errors.Join(s.WriteLog(&log), s.WriteInventory(&inventory)); err != nil {
		panic(err)
	}
	return company{log.String(), inventory.String()}
}

var (
	pastCompany   = sync.OnceValue(func() company { return simulated(time.Time{}) })
	recentCompany = sync.OnceValue(func() company {
		return simulated(time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -companyDays))
	})
)

// write writes the files, and returns the flags for them.
func (c company) write(t *testing.T) (dir string, flags []string) {
	t.Helper()
	dir = t.TempDir()
	log, inventory := filepath.Join(dir, "conn.log"), filepath.Join(dir, "inventory.yaml")
	clitest.WriteFile(t, log, c.log)
	clitest.WriteFile(t, inventory, c.inventory)
	return dir, []string{"--conn-log", log, "--inventory", inventory, "--learn", "24h"}
}

// copyOfDefault writes the default ruleset into a directory, with changes.
func copyOfDefault(t *testing.T, change func(name, text string) string) string {
	t.Helper()
	dir := t.TempDir()
	entries, err := rules.Files.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := rules.Files.ReadFile(e.Name())
		if err != nil {
			t.Fatal(err)
		}
		clitest.WriteFile(t, filepath.Join(dir, e.Name()), change(e.Name(), string(data)))
	}
	return dir
}

// disable disables rules; all if none is named.
func disable(ids ...string) func(name, text string) string {
	return func(name, text string) string {
		id, isRule := strings.CutSuffix(name, ".yaml")
		if !isRule || !strings.HasPrefix(text, "rule: ") || len(ids) > 0 && !slices.Contains(ids, id) {
			return text
		}
		return strings.Replace(text, "\nseverity:", "\nenabled: false\nseverity:", 1)
	}
}

// push stores the rules of a directory as pushed ones are.
func push(t *testing.T, s *clitest.System, dir string) {
	t.Helper()
	layers, err := cmdutil.RuleLayers([]string{dir})
	if err != nil {
		t.Fatal(err)
	}
	book, err := bundle.Read(layers)
	if err != nil {
		t.Fatal(err)
	}
	store, err := rulestore.Create(t.Context(), s.Bus, clitest.Storage)
	for range 3 {
		if err == nil {
			err = store.Add(t.Context(), book, rulestore.Push{Author: "a", Reason: "r", At: time.Now()})
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// startAll starts a system with all streams.
func startAll(t *testing.T) *clitest.System {
	t.Helper()
	return clitest.Start(t, event.StreamConnections, event.StreamAlerts, event.StreamIncidents, event.StreamDeadLetters)
}

// testSystem is a system for commands of headstart rules.
type testSystem struct{ *clitest.System }

// stored describes what streams and buckets hold.
func stored(t *testing.T, nats *server.Server) string {
	t.Helper()
	info, err := nats.Jsz(&server.JSzOptions{Accounts: true, Streams: true, Config: true})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, account := range info.AccountDetails {
		for _, s := range account.Streams {
			if s.Name == "KV_RULES" {
				continue // where the correlator reports every minute
			}
			config, err := json.Marshal(s.Config)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, fmt.Sprintf("%s: %d messages, %d bytes, %d to %d, %s", s.Name, s.State.Msgs, s.State.Bytes, s.State.FirstSeq, s.State.LastSeq, config))
		}
	}
	if len(all) < 5 {
		t.Fatalf("streams %q", all)
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}

// seldom returns the snapshots of a company's hosts, polled every five minutes.
func (c company) seldom(t *testing.T) iter.Seq[*event.Snapshot] {
	t.Helper()
	dir, _ := c.write(t)
	log, err := zeek.Read(t.Context(), []string{filepath.Join(dir, "conn.log")}, zeek.Options{})
	if err != nil {
		t.Fatal(err)
	}
	hosts, err := inventory.Parse("inventory.yaml", []byte(c.inventory))
	if err != nil {
		t.Fatal(err)
	}
	fleet, err := reconstruct.Build(log.Records, reconstruct.Options{Inventory: hosts, Interval: 5 * time.Minute, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	return reconstruct.Merge(fleet.Feeds())
}

// fill publishes what the tracker would publish about a company's hosts.
func (c company) fill(t *testing.T, s *clitest.System) {
	t.Helper()
	var comparer conntable.Comparer
	tables := map[string]*conntable.Table{}
	for snapshot := range c.seldom(t) {
		if tables[snapshot.Host] == nil {
			tables[snapshot.Host] = new(conntable.Table)
		}
		changes := new(event.Changes)
		if comparer.Apply(tables[snapshot.Host], snapshot, 0, changes) != conntable.Compared {
			t.Fatal("a snapshot can't be compared")
		}
		s.PublishChanges(t, changes)
	}
}
