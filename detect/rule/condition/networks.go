package condition

import (
	"cmp"
	"fmt"
	"math/bits"
	"net/netip"
	"slices"
	"strings"

	"headstart/event"
	"headstart/yamlsrc"
)

// NetworkSet is a set of addresses as sorted, disjoint spans. The families are
// kept apart, so that ::/0 doesn't hold IPv4, whose addresses are mapped into
// IPv6.
type NetworkSet struct{ v4, v6 []span }

type span struct{ First, Last event.Address }

func (s *NetworkSet) Has(a event.Address) bool {
	spans := s.v6
	if a.Is4() {
		spans = s.v4
	}
	low, high := 0, len(spans)
	for low < high {
		middle := int(uint(low+high) / 2)
		if spans[middle].Last.Compare(a) < 0 {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low < len(spans) && spans[low].First.Compare(a) <= 0
}

func (s *NetworkSet) isEmpty() bool { return len(s.v4)+len(s.v6) == 0 }

// NewNetworkSet makes a set of prefixes in any order, overlapping or not.
func NewNetworkSet(prefixes []netip.Prefix) *NetworkSet {
	var s NetworkSet
	for _, p := range prefixes {
		if p.Addr().Is4() {
			s.v4 = append(s.v4, SpanOf(p))
		} else {
			s.v6 = append(s.v6, SpanOf(p))
		}
	}
	s.v4, s.v6 = merge(s.v4), merge(s.v6)
	return &s
}

func SpanOf(p netip.Prefix) span {
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
		return cmp.Or(a.First.Compare(b.First), b.Last.Compare(a.Last))
	})
	var apart []span
	for _, s := range spans {
		if n := len(apart); n == 0 || apart[n-1].Last.Compare(s.Last) < 0 {
			apart = append(apart, s)
		}
	}
	return apart
}

// ParseNetwork accepts a CIDR prefix or a single address.
func ParseNetwork(text string) (netip.Prefix, error) {
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
func defaultInternal() *NetworkSet {
	return NewNetworkSet([]netip.Prefix{
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

// Texts are the networks of a set: each of its spans is one.
func (s *NetworkSet) Texts() (all []string) {
	for _, one := range slices.Concat(s.v4, s.v6) {
		prefix := netip.PrefixFrom(one.First.Netip(), one.bits())
		if prefix.IsSingleIP() {
			all = append(all, prefix.Addr().String())
		} else {
			all = append(all, prefix.String())
		}
	}
	return all
}

// bits is how many bits the addresses of a prefix share.
func (s span) bits() int {
	shared := bits.LeadingZeros64(s.First.Hi ^ s.Last.Hi)
	if shared == 64 {
		shared += bits.LeadingZeros64(s.First.Lo ^ s.Last.Lo)
	}
	if s.First.Is4() {
		shared -= 96
	}
	return shared
}
