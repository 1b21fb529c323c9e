package condition

import (
	"math/rand/v2"
	"net/netip"
	"testing"

	"headstart/detect/rule/schema"
	"headstart/event"
	"headstart/suggest"
)

func TestNetworkSetAgreesWithEachOfItsPrefixes(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 300 {
		var prefixes []netip.Prefix
		for range r.IntN(12) {
			prefixes = append(prefixes, randomPrefix(r))
		}
		set := NewNetworkSet(prefixes)
		for range 100 {
			ip := randomAddress(r)
			if len(prefixes) > 0 && r.IntN(2) == 0 {
				ip = neighbour(r, prefixes[r.IntN(len(prefixes))])
			}
			want := false
			for _, p := range prefixes {
				want = want || p.Contains(ip)
			}
			if got := set.Has(event.AddressFrom(ip)); got != want {
				t.Fatalf("%s in %s is %v", ip, prefixes, got)
			}
		}
	}
}

func randomAddress(r *rand.Rand) netip.Addr {
	if r.IntN(2) == 0 {
		return netip.AddrFrom4([4]byte{10, byte(r.IntN(4)), byte(r.IntN(4)), byte(r.IntN(256))})
	}
	a := [16]byte{0xfd, 15: byte(r.IntN(256))}
	a[7], a[8] = byte(r.IntN(4)), byte(r.IntN(4))
	return netip.AddrFrom16(a)
}

func randomPrefix(r *rand.Rand) netip.Prefix {
	a := randomAddress(r)
	return netip.PrefixFrom(a, r.IntN(a.BitLen()+1)).Masked()
}

// neighbour returns an address at an edge of a prefix, or just beside it.
func neighbour(r *rand.Rand, p netip.Prefix) netip.Addr {
	s := SpanOf(p)
	a := []netip.Addr{s.First.Netip(), s.Last.Netip()}[r.IntN(2)]
	if beside := []netip.Addr{a, a.Prev(), a.Next()}[r.IntN(3)]; beside.IsValid() {
		return beside
	}
	return a
}

func TestPortSet(t *testing.T) {
	var ports PortSet
	for _, text := range []string{"22", "1000-1003", " 60000 - 65535 ", "1-1"} {
		if err := ports.AddText(text); err != nil {
			t.Fatal(err)
		}
	}
	for port, want := range map[int]bool{
		-1: false, 0: false, 1: true, 2: false, 21: false, 22: true, 23: false, 999: false, 1000: true, 1003: true, 1004: false,
		59999: false, 60000: true, 65535: true, 65536: false, 1 << 40: false,
	} {
		if ports.Has(port) != want {
			t.Errorf("%d is in the set: %v", port, !want)
		}
		if inRange := port >= 0 && port <= schema.MaxPort; inRange && ports.Complement().Has(port) == want {
			t.Errorf("%d is in the complement: %v", port, want)
		}
	}
	if got := ports.Len(); got != 1+4+5536+1 {
		t.Errorf("%d ports", got)
	}
}

func TestDimensionsAreDisjoint(t *testing.T) {
	var seen Facts
	for _, d := range Dimensions() {
		if seen&d.All() != 0 || d.All() == 0 {
			t.Errorf("%s shares bits with another field", d.Field)
		}
		seen |= d.All()
		if d.Fact(255)&d.All() == 0 {
			t.Errorf("a number without a name is no fact of %s", d.Field)
		}
	}
}

func TestDidYouMean(t *testing.T) {
	known := []string{"conn.port", "conn.peer", "title", "severity"}
	for name, want := range map[string]string{
		"conn.prot":  "; did you mean conn.port?",
		"conn.Peer":  "; did you mean conn.peer?",
		"titel":      "; did you mean title?",
		"severityyy": "; did you mean severity?",
		"nothing":    "",
		"":           "",
		"x":          "",
	} {
		if got := suggest.DidYouMean(name, known); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
