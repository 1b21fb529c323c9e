package lab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Lab is a bridge with hosts on it, on a subnet of its own: 10.213.N.0/24 and
// fd68:6561:64:N::/64.
type Lab struct {
	// Address and Address6 are the test process's own on the bridge. Hosts
	// reach what listens there: a NATS server, an HTTP receiver.
	Address, Address6 netip.Addr

	// Silent and Silent6 are addresses that never answer, not even to say
	// that nobody is there: a connect to one stays in SYN_SENT until the
	// kernel gives up after about two minutes (tcp(7), tcp_syn_retries).
	Silent, Silent6 netip.Addr

	t      testing.TB
	bridge namespace       // where the bridge is
	routes *netlink.Handle // rtnetlink in there
	master int             // the bridge's link index
	hosts  int
}

const (
	testProcess = 1   // last byte of the test process's addresses
	firstHost   = 2   // and of the first host's
	silentHost  = 254 // and of the silent ones
)

// nobody is a link-layer address that no port of the bridge has. A permanent
// neighbour entry with it makes an address silent: without one the kernel
// would report EHOSTUNREACH after three seconds of unanswered ARP.
var nobody = net.HardwareAddr{0x02, 0, 0, 0, 0, silentHost}

// New makes a lab without hosts. It is gone when the test ends.
func New(t testing.TB) *Lab {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("this test makes network namespaces and needs root: run it with sudo, or `make unit` for all tests that don't need root")
	}
	l, err := open()
	if err != nil {
		t.Fatalf("make a lab: %v (needs CAP_SYS_ADMIN and CAP_NET_ADMIN and a kernel with veth, bridge and IPv6)", err)
	}
	l.t = t
	t.Cleanup(func() {
		if err := l.close(); err != nil {
			t.Errorf("take the lab down: %v", err)
		}
	})
	return l
}

func open() (l *Lab, err error) {
	l = new(Lab)
	if l.bridge, err = newNamespace(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.close())
		}
	}()
	if l.routes, err = l.bridge.routes(); err != nil {
		return nil, fmt.Errorf("open netlink: %w", err)
	}
	snooping := false // without a querier it can hold back IPv6 neighbour discovery
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "bridge"}, MulticastSnooping: &snooping}
	if err := l.routes.LinkAdd(bridge); err != nil {
		return nil, fmt.Errorf("add the bridge: %w", err)
	}
	l.master = bridge.Index
	if err := l.routes.LinkSetUp(bridge); err != nil {
		return nil, fmt.Errorf("set the bridge up: %w", err)
	}
	return l, l.joinTestProcess()
}

// joinTestProcess claims a subnet that no other lab has. The name of the link
// in this process's namespace is the claim: the kernel gives it out once, and
// takes it back with the bridge at the other end.
func (l *Lab) joinTestProcess() error {
	home, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("open netlink: %w", err)
	}
	defer home.Close()
	for try := range 256 {
		subnet := byte(os.Getpid() + try)
		link := &netlink.Veth{
			LinkAttrs:     netlink.LinkAttrs{Name: fmt.Sprintf("hslab%d", subnet)},
			PeerName:      "testprocess",
			PeerNamespace: netlink.NsFd(l.bridge.NsHandle),
		}
		err := home.LinkAdd(link)
		if errors.Is(err, syscall.EEXIST) {
			continue
		}
		if err != nil {
			return fmt.Errorf("add link %s: %w", link.Name, err)
		}
		l.address(subnet)
		if err := l.plug(link.PeerName); err != nil {
			return err
		}
		return configure(home, link, []netip.Prefix{subnet4(l.Address), subnet6(l.Address6)})
	}
	return errors.New("all 256 subnets are taken by other labs")
}

func (l *Lab) address(subnet byte) {
	l.Address = netip.AddrFrom4([4]byte{10, 213, subnet, testProcess})
	l.Address6 = netip.AddrFrom16([16]byte{0xfd, 0x68, 0x65, 0x61, 0, 0x64, 0, subnet, 15: testProcess})
	l.Silent, l.Silent6 = l.numbered(silentHost)
}

// numbered returns the subnet's addresses that end in n.
func (l *Lab) numbered(n byte) (v4, v6 netip.Addr) {
	b4, b6 := l.Address.As4(), l.Address6.As16()
	b4[3], b6[15] = n, n
	return netip.AddrFrom4(b4), netip.AddrFrom16(b6)
}

// plug makes a link in the bridge's namespace a port of the bridge.
func (l *Lab) plug(name string) error {
	link, err := l.routes.LinkByName(name)
	if err != nil {
		return fmt.Errorf("find link %s: %w", name, err)
	}
	if err := l.routes.LinkSetMasterByIndex(link, l.master); err != nil {
		return fmt.Errorf("make %s a port of the bridge: %w", name, err)
	}
	if err := l.routes.LinkSetUp(link); err != nil {
		return fmt.Errorf("set link %s up: %w", name, err)
	}
	return nil
}

func (l *Lab) close() error {
	if l.routes != nil {
		l.routes.Close()
	}
	return l.bridge.Close()
}

func subnet4(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, 24) }
func subnet6(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, 64) }

// configure gives a link its addresses and sets it up.
func configure(routes *netlink.Handle, link netlink.Link, addresses []netip.Prefix) error {
	if err := routes.LinkSetUp(link); err != nil {
		return fmt.Errorf("set link %s up: %w", link.Attrs().Name, err)
	}
	for _, p := range addresses {
		if err := addAddress(routes, link, p); err != nil {
			return err
		}
	}
	return nil
}

func addAddress(routes *netlink.Handle, link netlink.Link, p netip.Prefix) error {
	// Without IFA_F_NODAD an IPv6 address can't be used for its first second.
	address := &netlink.Addr{IPNet: ipNet(p), Flags: unix.IFA_F_NODAD}
	if p.Addr().Is4() {
		address.Flags = 0
	}
	if err := routes.AddrAdd(link, address); err != nil {
		return fmt.Errorf("add address %s to link %s: %w", p, link.Attrs().Name, err)
	}
	return nil
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
