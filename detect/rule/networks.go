package rule

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"headstart/event"
	"headstart/yamlsrc"
)

// networkSet is a set of addresses as sorted, disjoint spans. The families are
// kept apart, so that ::/0 doesn't hold IPv4, whose addresses are mapped into
// IPv6.
type networkSet struct{ v4, v6 []span }

type span struct{ first, last event.Address }

func (s *networkSet) has(a event.Address) bool {
	spans := s.v6
	if a.Is4() {
		spans = s.v4
	}
	low, high := 0, len(spans)
	for low < high {
		middle := int(uint(low+high) / 2)
		if spans[middle].last.Compare(a) < 0 {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low < len(spans) && spans[low].first.Compare(a) <= 0
}

func (s *networkSet) isEmpty() bool { return len(s.v4)+len(s.v6) == 0 }

// newNetworkSet makes a set of prefixes in any order, overlapping or not.
func newNetworkSet(prefixes []netip.Prefix) *networkSet {
	var s networkSet
	for _, p := range prefixes {
		if p.Addr().Is4() {
			s.v4 = append(s.v4, spanOf(p))
		} else {
			s.v6 = append(s.v6, spanOf(p))
		}
	}
	s.v4, s.v6 = merge(s.v4), merge(s.v6)
	return &s
}

func spanOf(p netip.Prefix) span {
	first := event.AddressFrom(p.Addr())
	host := p.Addr().BitLen() - p.Bits() // bits that the prefix leaves open
	last := first
	last.Lo |= 1<<min(host, 64) - 1
	last.Hi |= 1<<max(host-64, 0) - 1
	return span{first, last}
}

// merge sorts spans of prefixes, of which two are disjoint or one holds the
// other, and keeps those that no other holds.
func merge(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int {
		return cmp.Or(a.first.Compare(b.first), b.last.Compare(a.last))
	})
	var apart []span
	for _, s := range spans {
		if n := len(apart); n == 0 || apart[n-1].last.Compare(s.last) < 0 {
			apart = append(apart, s)
		}
	}
	return apart
}

// parseNetwork accepts a CIDR prefix or a single address.
func parseNetwork(text string) (netip.Prefix, error) {
	if !strings.Contains(text, "/") {
		a, err := parseAddress(text)
		if err != nil {
			return netip.Prefix{}, err
		}
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil || p.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("%q is not a network such as 10.0.0.0/8 or 2001:db8::/32", yamlsrc.Short(text))
	case p != p.Masked():
		return netip.Prefix{}, fmt.Errorf("%s is an address in a network; write the network %s or the address %s", p, p.Masked(), p.Addr())
	}
	return p, nil
}

func parseAddress(text string) (netip.Addr, error) {
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		return a, fmt.Errorf("%q is not an address such as 10.1.5.10 or 2001:db8::1", yamlsrc.Short(text))
	}
	return a.Unmap(), nil
}

// defaultInternal is networks.internal where lists.yaml has none: the private
// (RFC 1918, RFC 4193), shared (RFC 6598), link-local (RFC 3927, RFC 4291) and
// loopback addresses.
func defaultInternal() *networkSet {
	return newNetworkSet([]netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/8"),
		netip.MustParsePrefix("172.16.0.0/12"),
		netip.MustParsePrefix("192.168.0.0/16"),
		netip.MustParsePrefix("100.64.0.0/10"),
		netip.MustParsePrefix("169.254.0.0/16"),
		netip.MustParsePrefix("127.0.0.0/8"),
		netip.MustParsePrefix("fc00::/7"),
		netip.MustParsePrefix("fe80::/10"),
		netip.MustParsePrefix("::1/128"),
	})
}
