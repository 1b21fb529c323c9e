package inventory_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"headstart/detect/inventory"
	"headstart/event"
)

const company = `# the design's example
networks:
  internal: [10.0.0.0/8, 192.168.0.0/16]
hosts:
  web-01: {addresses: [10.1.1.10], roles: [web]}
  dc-01:  {addresses: [10.1.7.10], roles: [domain-controller], monitored: false}
  db-01:
    addresses:
      - 10.1.3.10
      - fd00::3:10
    roles: [database, backup]
    monitored: true
`

func TestParse(t *testing.T) {
	i, err := inventory.Parse("hosts.yaml", []byte(company))
	if err != nil {
		t.Fatal(err)
	}
	if want := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.168.0.0/16")}; !slices.Equal(i.Internal, want) {
		t.Errorf("internal networks %v, want %v", i.Internal, want)
	}
	var got []string
	for _, h := range i.Hosts {
		got = append(got, fmt.Sprint(h))
	}
	want := []string{
		"{db-01 [10.1.3.10 fd00::3:10] [database backup] true}",
		"{dc-01 [10.1.7.10] [domain-controller] false}",
		"{web-01 [10.1.1.10] [web] true}",
	}
	if !slices.Equal(got, want) {
		t.Errorf("hosts %q, want %q", got, want)
	}
}

func TestHost(t *testing.T) {
	i, err := inventory.Parse("hosts.yaml", []byte(company))
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{"10.1.1.10": "web-01", "fd00::3:10": "db-01", "::ffff:10.1.3.10": "db-01"} {
		h := i.Host(want)
		if h == nil || h.Name != want || !slices.Contains(h.Addresses, event.AddressFrom(netip.MustParseAddr(address))) {
			t.Errorf("%s doesn't belong to %s but to %+v", address, want, h)
		}
	}
	if h := i.Host("web-02"); h != nil {
		t.Errorf("web-02 is %+v", h)
	}
	if i = nil; i.Host("web-01") != nil {
		t.Error("no inventory knows a host")
	}
}

func TestMistakes(t *testing.T) {
	for name, c := range map[string]struct {
		yaml string
		want []string // in this order, each after the file's name
	}{
		"empty file":    {"", []string{": empty; write networks and hosts"}},
		"not YAML":      {"hosts: [", []string{": yaml: line 1"}},
		"two documents": {"hosts: {}\n---\nhosts: {}\n", []string{":2: a second YAML document"}},
		"not a mapping": {"- web-01", []string{":1:1: a list where keys and values belong"}},
		"nothing":       {"hosts:\nnetworks: {internal: }", []string{":1:7: nothing where keys and values belong", ":2:22: nothing where a list of networks belongs; write [10.0.0.0/8]"}},
		"unknown keys": {"host: {}\nnetworks: {intern: [], zone: []}\nhosts:\n  a: {adresses: [10.1.1.1], addresses: [10.1.1.2]}\n", []string{
			`:1:1: unknown key "host"; did you mean hosts? (known here: approved, hosts, networks)`,
			`:2:12: unknown key "intern"; did you mean internal? (known here: internal)`,
			`:2:24: unknown key "zone" (known here: internal)`,
			`:4:7: unknown key "adresses"; did you mean addresses?`,
		}},
		"a text for a list": {"networks: {internal: 10.0.0.0/8}\nhosts:\n  a: {addresses: 10.1.1.1, roles: web}\n", []string{
			":1:22: a text where a list of networks belongs; write [10.0.0.0/8]",
			":3:18: a text where a list of addresses belongs; write [10.1.1.1]",
			":3:35: a text where a list of roles belongs; write [web]",
		}},
		"no addresses": {"hosts:\n  a: {roles: [web]}\n  b:\n  c: {addresses: []}\n  d: 10.1.1.1\n", []string{
			":2:6: a has no addresses; write addresses: [10.1.1.10]",
			":3:5: nothing where keys and values belong",
			":4:18: no address; write",
			":5:6: a text where keys and values belong",
		}},
		"addresses": {"hosts:\n  a: {addresses: [10.1.1, 10.1.1.0/24, fe80::1%eth0, 0.0.0.0, 127.0.0.1, 224.0.0.1, [], '', 255.255.255.255]}\n", []string{
			`:2:19: address "10.1.1": write an IP address such as`,
			`:2:27: address "10.1.1.0/24": a host has addresses, not networks; write 10.1.1.0`,
			`:2:40: address "fe80::1%eth0": write it without the zone: fe80::1`,
			`:2:54: address "0.0.0.0": no host has it`,
			`:2:63: address "127.0.0.1": every host has it`,
			`:2:74: address "224.0.0.1": it is for many hosts`,
			":2:85: a list where a text belongs",
			":2:89: nothing where a text belongs",
			`:2:93: address "255.255.255.255": it is for many`,
		}},
		"address of two": {"hosts:\n  a: {addresses: [10.1.1.1, 10.1.1.1]}\n  b:\n    addresses: ['::ffff:10.1.1.1']\n", []string{
			":2:29: 10.1.1.1 is in line 2 already; leave one out",
			":4:17: 10.1.1.1 is a's in line 2; an address belongs to one host",
		}},
		"names": {"hosts:\n  '': {addresses: [10.1.1.1]}\n  a b: {addresses: [10.1.1.2], roles: [web, web, 'x y']}\n  \"a\\tb\": {addresses: [10.1.1.3]}\n  a b: {}\n  [c]: {}\n", []string{
			`:2:3: host "": a name has at least one letter`,
			`:3:3: host "a b": a name has no spaces`,
			":3:45: role web is in line 3 already",
			`:3:50: role "x y": a name has no spaces`,
			`:4:3: host "a\tb": a name has no spaces and no control characters`,
			`:5:3: "a b" is in line 3 already`,
			":6:3: a list where a key belongs",
		}},
		"long name": {"hosts:\n  " + strings.Repeat("a", 256) + ": {addresses: [10.1.1.1]}\n", []string{`:2:3: host "aaaa`}},
		"monitored": {"hosts:\n  a: {addresses: [10.1.1.1], monitored: no}\n  b: {addresses: [10.1.1.2], monitored: }\n", []string{
			`:2:41: "no": write true or false`,
			":3:41: nothing where a text belongs",
		}},
		"networks": {"networks:\n  internal: [10.1.2.3/8, 10.1.1.1, fd00::/129, '::ffff:10.0.0.0/104', internal]\n", []string{
			`:2:14: network "10.1.2.3/8": write 10.0.0.0/8`,
			`:2:26: network "10.1.1.1": write 10.1.1.1/32 for this one address`,
			`:2:36: network "fd00::/129": write a network such as`,
			`:2:48: network "::ffff:10.0.0.0/104": write the IPv4 network itself`,
			`:2:71: network "internal": write a network such as`,
		}},
		"cycle":     {"hosts: &a {b: *a}\n", []string{`:1:12: unknown key "b"`, ":1:15: b has no addresses"}},
		"merge key": {"hosts:\n  a: &a {addresses: [10.1.1.1]}\n  b: {<<: *a}\n", []string{":3:6: b has no addresses", `:3:7: unknown key "<<"`}},
	} {
		t.Run(name, func(t *testing.T) {
			i, err := inventory.Parse("hosts.yaml", []byte(c.yaml))
			if err == nil || i != nil {
				t.Fatalf("no mistake in %+v", i)
			}
			lines := strings.Split(err.Error(), "\n")
			for n, want := range c.want {
				if n >= len(lines) || !strings.HasPrefix(lines[n], "hosts.yaml"+want) {
					t.Errorf("mistake %d: want %s\nall:\n%v", n+1, want, err)
				}
			}
			if len(lines) != len(c.want) {
				t.Errorf("%d mistakes, want %d:\n%v", len(lines), len(c.want), err)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	if _, err := inventory.Parse("hosts.yaml", make([]byte, inventory.MaxFile+1)); err == nil || !strings.Contains(err.Error(), "more than 16777216") {
		t.Errorf("a file that is too large: %v", err)
	}
	var many strings.Builder
	many.WriteString("hosts:\n")
	for n := range inventory.MaxHosts + 1 {
		fmt.Fprintf(&many, " h%d: {}\n", n)
	}
	if _, err := inventory.Parse("hosts.yaml", []byte(many.String())); err == nil || err.Error() != "hosts.yaml:2:2: 100001 hosts, more than 100000" {
		t.Errorf("too many hosts: %.200v", err)
	}
	many.Reset()
	many.WriteString("hosts:\n")
	for n := range 300 {
		fmt.Fprintf(&many, " h%d: {}\n", n)
	}
	if _, err := inventory.Parse("hosts.yaml", []byte(many.String())); err == nil || !strings.HasSuffix(err.Error(), "\nhosts.yaml: and 200 more errors") {
		t.Errorf("many errors: %.200v", err)
	}
}

// FuzzParse holds an inventory to what its fields promise, whatever the file.
func FuzzParse(f *testing.F) {
	f.Add([]byte(company))
	f.Add([]byte("hosts: &a {b: *a}\n"))
	f.Add([]byte("hosts:\n  a: &a {addresses: [10.1.1.1]}\n  b: *a\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		i, err := inventory.Parse("f", data)
		if err != nil {
			return
		}
		owners := map[event.Address]string{}
		for n := range i.Hosts {
			h := &i.Hosts[n]
			if h.Name == "" || len(h.Name) > event.MaxName || len(h.Addresses) == 0 || n > 0 && i.Hosts[n-1].Name >= h.Name {
				t.Fatalf("host %d is %+v", n, h)
			}
			for _, a := range h.Addresses {
				if owner := owners[a]; owner != "" {
					t.Fatalf("%s belongs to %s and to %s", a, owner, h.Name)
				}
				owners[a] = h.Name
			}
		}
		for _, p := range i.Internal {
			if p != p.Masked() {
				t.Fatalf("network %s", p)
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	var file strings.Builder
	file.WriteString("hosts:\n")
	for n := range 1000 {
		fmt.Fprintf(&file, "  host-%d: {addresses: [10.1.%d.%d], roles: [web]}\n", n, n/250, n%250+1)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := inventory.Parse("hosts.yaml", []byte(file.String())); err != nil {
			b.Fatal(err)
		}
	}
}
