// Package response_test runs the response commands of an incident on a host with its
// own firewall, and checks which connections they block.
package response_test

import (
	"context"
	"net/netip"
	"os/exec"
	"testing"
	"time"

	"headstart/detect/incident"
	"headstart/event"
	"headstart/test/lab"
)

func TestBlockCommandsIsolateOnlyTheAttacker(t *testing.T) {
	l := lab.New(t)
	web, other, db := l.Host("web-01"), l.Host("app-01"), l.Host("db-01")
	server := db.Serve("tcp", "[::]:5432")
	target := netip.AddrPortFrom(db.Address, server.Address.Port())
	reaches := func(h *lab.Host) bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		s, err := h.Open(ctx, target)
		if err != nil {
			return false
		}
		s.End(lab.ClientCloses)
		return true
	}
	// The first packets on a new link may be lost, and TCP retransmits them after a
	// second (RFC 6298, section 2).
	getsThrough := func(h *lab.Host) bool {
		for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
			if reaches(h) {
				return true
			}
		}
		return false
	}
	if !getsThrough(web) || !getsThrough(other) {
		t.Fatal("the hosts don't reach each other to begin with")
	}

	at := time.Now()
	g := incident.New(incident.Options{})
	g.Raise(incident.Signal{
		Alert: "a", Rule: "r", Title: `a "title"; nft flush ruleset`, Severity: event.High, Score: 90, At: at, Host: web.Name,
		Edges: []incident.Edge{{
			Source: event.AddressFrom(web.Address), Destination: event.AddressFrom(db.Address),
			SourceHost: "web-01'; nft flush ruleset; '", DestinationHost: db.Name, Port: 5432, At: at,
		}},
	})
	revisions := g.Revisions(at, incident.Knowledge{
		Host:     func(string) ([]event.Address, []string, bool) { return nil, nil, true },
		Reached:  func(string, int) []event.NextHop { return nil },
		Database: func(port uint16) bool { return port == 5432 },
	})
	if len(revisions) != 1 || len(revisions[0].Response.Block) < 4 {
		t.Fatalf("%d revisions: %+v", len(revisions), revisions)
	}
	run := func(command string) {
		t.Helper()
		var out []byte
		err := db.Do(func() (err error) {
			out, err = exec.CommandContext(t.Context(), "sh", "-c", command).CombinedOutput()
			return err
		})
		if err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
	}
	for _, command := range revisions[0].Response.Block {
		run(command)
	}
	if reaches(web) {
		t.Error("the host that acts still gets through")
	}
	if !getsThrough(other) {
		t.Error("a host that has nothing to do with it is cut off")
	}
	run("nft delete table inet headstart")
	if !getsThrough(web) {
		t.Error("the commands are not undone as the manual says")
	}
}
