package simulate

import "net/netip"

// outsider is a random public address.
func outsider(r random) netip.Addr {
	for {
		a := [4]byte{byte(r.count(1, 223)), byte(r.IntN(256)), byte(r.IntN(256)), byte(r.count(1, 254))}
		address := netip.AddrFrom4(a)
		switch {
		case a[0] == 127 || a[0] == 100 || a[0] == 198 || a[0] == 192 || a[0] == 203 || address.IsPrivate() || address.IsLinkLocalUnicast():
		default:
			return address
		}
	}
}

// crowd is many clients: some come again and again, most are new.
type crowd struct{ regulars []netip.Addr }

func newCrowd(r random, n int) crowd {
	var c crowd
	for range n {
		c.regulars = append(c.regulars, outsider(r))
	}
	return c
}

func (c crowd) next(r random) netip.Addr {
	if r.chance(0.35) {
		return outsider(r)
	}
	return c.regulars[r.rank(len(c.regulars))]
}
