package inventory_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"headstart/detect/inventory"
	"headstart/event"
)

const approvedFile = `hosts:
  ci-01: {addresses: [10.1.1.10], roles: [ci]}
approved:
  - {from: ci-01, to: any, ports: [22, 2222], owner: ops@example.com, reason: deploys, expires: 2027-01-31}
  - {from: "role:backup", to: 10.2.0.0/16, owner: ops@example.com, reason: pulls backups, expires: 2027-01-31}
`

func TestApproves(t *testing.T) {
	i, err := inventory.Parse("inventory.yaml", []byte(approvedFile))
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2027, 1, 31, 23, 0, 0, 0, time.UTC)
	address := func(text string) event.Address { return event.AddressFrom(netip.MustParseAddr(text)) }
	ci, backup, other := &inventory.End{Host: "ci-01"}, &inventory.End{Host: "b", Roles: []string{"backup"}}, &inventory.End{Address: address("10.2.3.4")}
	for name, c := range map[string]struct {
		from, to *inventory.End
		port     uint16
		at       time.Time
		want     string
	}{
		"by name and port":         {ci, other, 22, at, "deploys"},
		"another port":             {ci, other, 23, at, ""},
		"another host":             {other, ci, 22, at, ""},
		"by role and network":      {backup, other, 9999, at, "pulls backups"},
		"outside of the network":   {backup, &inventory.End{Address: address("10.3.0.1")}, 22, at, ""},
		"an end without address":   {backup, ci, 22, at, ""},
		"a day after the last day": {ci, other, 22, at.Add(time.Hour), ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			if a := i.Approves(c.from, c.to, c.port, c.at); a != nil {
				got = a.Reason
			}
			if got != c.want {
				t.Errorf("approved for %q, want %q", got, c.want)
			}
		})
	}
	if (*inventory.Inventory)(nil).Approves(ci, other, 22, at) != nil {
		t.Error("no inventory approves")
	}
}

func TestApprovedMistakes(t *testing.T) {
	_, err := inventory.Parse("i.yaml", []byte(`approved:
  - {from: 10.1.2.3/8, to: "role:", ports: [0, ssh], owner: o, reason: r, expires: soon}
  - {from: any, colour: red}
`))
	if err == nil {
		t.Fatal("no mistake")
	}
	for _, want := range []string{
		"i.yaml:2:12: 10.1.2.3/8 is an address in a network; write 10.0.0.0/8", `i.yaml:2:28: "role:": write a host's name`,
		`i.yaml:2:45: port "0"`, `i.yaml:2:48: port "ssh"`, `"soon": write a day`, "colour", "i.yaml:3:5: an approved edge needs to", "needs owner", "needs expires",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in\n%v", want, err)
		}
	}
}
