package event

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"net/netip"
)

// Address is an IPv4 or IPv6 address without a zone: 128 bits in network
// order, IPv4 as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2). It holds no pointer and
// compares in two instructions, which is why sockets carry it and not
// netip.Addr. The zero Address is ::, the IPv6 wildcard.
type Address struct{ Hi, Lo uint64 }

const mappedPrefix = 0xffff << 32

// AddressFrom converts an address and drops its zone. The invalid netip.Addr
// becomes ::.
func AddressFrom(ip netip.Addr) Address {
	if !ip.IsValid() {
		return Address{}
	}
	b := ip.As16()
	return Address{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

// AddressFrom4 makes an IPv4 address of its 32 bits in host order: 127.0.0.1
// is 0x7f000001.
func AddressFrom4(v uint32) Address { return Address{Lo: mappedPrefix | uint64(v)} }

// Netip returns the address as the standard library has it, IPv4 un-mapped.
func (a Address) Netip() netip.Addr {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], a.Hi)
	binary.BigEndian.PutUint64(b[8:], a.Lo)
	return netip.AddrFrom16(b).Unmap()
}

// Is4 reports whether the address is IPv4.
func (a Address) Is4() bool { return a.Hi == 0 && a.Lo>>32 == 0xffff }

// IsWildcard reports whether a listener on the address accepts on every
// address: 0.0.0.0 or ::.
func (a Address) IsWildcard() bool { return a.Hi == 0 && (a.Lo == 0 || a.Lo == mappedPrefix) }

// Compare orders addresses by their 128 bits: IPv4 before most of IPv6.
func (a Address) Compare(b Address) int {
	if c := cmp.Compare(a.Hi, b.Hi); c != 0 {
		return c
	}
	return cmp.Compare(a.Lo, b.Lo)
}

// String returns the plain form: 10.1.5.10 or 2001:db8::1.
func (a Address) String() string { return a.Netip().String() }

// MarshalText implements encoding.TextMarshaler with the plain form.
func (a Address) MarshalText() ([]byte, error) { return a.Netip().MarshalText() }

// UnmarshalText accepts the plain form.
func (a *Address) UnmarshalText(text []byte) error {
	ip, err := netip.ParseAddr(string(text))
	if err != nil {
		return fmt.Errorf("address %q: %w", text, err)
	}
	*a = AddressFrom(ip)
	return nil
}
