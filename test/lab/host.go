package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/vishvananda/netlink"
)

// Host is a network namespace with a link to the lab's bridge and a table of
// sockets of its own.
type Host struct {
	Name              string
	Address, Address6 netip.Addr

	t         testing.TB
	namespace namespace
}

// Host adds a host. All hosts of a lab reach each other by their addresses.
func (l *Lab) Host(name string) *Host {
	l.t.Helper()
	h, err := l.addHost(name)
	if err != nil {
		l.t.Fatalf("add host %s to the lab: %v", name, err)
	}
	l.t.Cleanup(func() {
		if err := h.namespace.Close(); err != nil {
			l.t.Errorf("take host %s down: %v", name, err)
		}
	})
	return h
}

func (l *Lab) addHost(name string) (h *Host, err error) {
	if firstHost+l.hosts == silentHost {
		return nil, fmt.Errorf("the lab is full with %d hosts", l.hosts)
	}
	h = &Host{Name: name, t: l.t}
	h.Address, h.Address6 = l.numbered(byte(firstHost + l.hosts))
	l.hosts++
	if h.namespace, err = newNamespace(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.namespace.Close())
		}
	}()
	port := &netlink.Veth{
		LinkAttrs:     netlink.LinkAttrs{Name: fmt.Sprintf("host%d", l.hosts)},
		PeerName:      linkName,
		PeerNamespace: netlink.NsFd(h.namespace.NsHandle),
	}
	if err := l.routes.LinkAdd(port); err != nil {
		return nil, fmt.Errorf("add link %s: %w", port.Name, err)
	}
	if err := l.plug(port.Name); err != nil {
		return nil, err
	}
	return h, h.connect(l.Silent, l.Silent6)
}

const linkName = "eth0"

func (h *Host) connect(silent ...netip.Addr) error {
	routes, err := h.namespace.routes()
	if err != nil {
		return fmt.Errorf("open netlink: %w", err)
	}
	defer routes.Close()
	loopback, err := routes.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("find the loopback link: %w", err)
	}
	if err := routes.LinkSetUp(loopback); err != nil {
		return fmt.Errorf("set the loopback link up: %w", err)
	}
	link, err := routes.LinkByName(linkName)
	if err != nil {
		return fmt.Errorf("find link %s: %w", linkName, err)
	}
	if err := configure(routes, link, []netip.Prefix{subnet4(h.Address), subnet6(h.Address6)}); err != nil {
		return err
	}
	for _, everywhere := range []netip.Prefix{everywhere4, everywhere6} {
		if err := addDefaultRoute(routes, link, everywhere, nil); err != nil {
			return err
		}
	}
	for _, address := range silent {
		neighbour := &netlink.Neigh{
			LinkIndex:    link.Attrs().Index,
			State:        netlink.NUD_PERMANENT,
			IP:           address.AsSlice(),
			HardwareAddr: nobody,
		}
		if err := routes.NeighAdd(neighbour); err != nil {
			return fmt.Errorf("make %s silent: %w", address, err)
		}
	}
	return nil
}

var (
	everywhere4 = netip.MustParsePrefix("0.0.0.0/0")
	everywhere6 = netip.MustParsePrefix("::/0")
)

// addDefaultRoute puts every address on the link: whoever has it answers.
func addDefaultRoute(routes *netlink.Handle, link netlink.Link, everywhere netip.Prefix, source net.IP) error {
	route := &netlink.Route{
		LinkIndex: link.Attrs().Index,
		Scope:     netlink.SCOPE_LINK,
		Dst:       ipNet(everywhere),
		Src:       source,
	}
	if err := routes.RouteReplace(route); err != nil {
		return fmt.Errorf("route %s to link %s: %w", everywhere, linkName, err)
	}
	return nil
}

// AddAddress gives the host an address of any network, say 203.0.113.7 for one
// from outside. Every other host reaches it over the bridge, and the host uses
// it as its own towards every address but the lab's subnet. The test process
// doesn't reach it.
func (h *Host) AddAddress(address netip.Addr) {
	h.t.Helper()
	if err := h.addAddress(address); err != nil {
		h.t.Fatalf("host %s: %v", h.Name, err)
	}
}

func (h *Host) addAddress(address netip.Addr) error {
	routes, err := h.namespace.routes()
	if err != nil {
		return fmt.Errorf("open netlink: %w", err)
	}
	defer routes.Close()
	link, err := routes.LinkByName(linkName)
	if err != nil {
		return fmt.Errorf("find link %s: %w", linkName, err)
	}
	if err := addAddress(routes, link, netip.PrefixFrom(address, address.BitLen())); err != nil {
		return err
	}
	everywhere := everywhere6
	if address.Is4() {
		everywhere = everywhere4
	}
	return addDefaultRoute(routes, link, everywhere, address.AsSlice())
}

// Do runs f on a thread in the host's namespace and returns its error. Sockets
// that f makes and processes that it starts belong to the host; goroutines
// that it starts don't. f runs on the calling goroutine, or on another one
// while the caller waits, so it must not end the test.
func (h *Host) Do(f func() error) error {
	if err := h.namespace.do(f); err != nil {
		return fmt.Errorf("host %s: %w", h.Name, err)
	}
	return nil
}

// Dial connects from the host. The address is an IP address and a port: a host
// has no resolver. The connection is closed when the test ends, if not before.
func (h *Host) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := h.dial(ctx, network, address)
	if err == nil {
		h.t.Cleanup(func() { conn.Close() })
	}
	return conn, err
}

func (h *Host) dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	// With a name net.Dialer would race several addresses in goroutines of
	// its own, which are in another namespace.
	if _, err := netip.ParseAddrPort(address); err != nil {
		return nil, fmt.Errorf("host %s: dial: %w", h.Name, err)
	}
	err = h.Do(func() error {
		conn, err = new(net.Dialer).DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// Listen listens on the host. The address is an IP address and a port; "[::]"
// with network "tcp" accepts IPv4 as well, which the kernel then shows in
// /proc/net/tcp6 only. The listener is closed when the test ends, if not
// before.
func (h *Host) Listen(network, address string) (listener net.Listener, err error) {
	if _, err := netip.ParseAddrPort(address); err != nil {
		return nil, fmt.Errorf("host %s: listen: %w", h.Name, err)
	}
	var config net.ListenConfig
	config.SetMultipathTCP(false) // most servers aren't Go's and don't ask for it
	err = h.Do(func() error {
		listener, err = config.Listen(context.Background(), network, address)
		return err
	})
	if err == nil {
		h.t.Cleanup(func() { listener.Close() })
	}
	return listener, err
}
