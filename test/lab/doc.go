// Package lab makes several hosts of one machine, each with a kernel TCP table
// of its own: network namespaces joined by a bridge, made through netlink. What
// a poller reads there is what the kernel shows of real connections.
//
//	l := lab.New(t)
//	web, db := l.Host("web"), l.Host("db")
//	db.Serve("tcp", "[::]:5432")
//	session, err := web.Open(ctx, netip.AddrPortFrom(db.Address, 5432))
//
// It guarantees:
//   - A socket that a [Host] dials or listens with, and a process started
//     through [Host.Do], are in that host's namespace and in no other's table.
//   - Nothing outlives the test binary, however it ends. The namespaces have no
//     names: only open files of this process hold them, and with the last one
//     the kernel takes the bridge and every link away. A run that was killed
//     leaves nothing to clean up.
//   - The main thread never leaves its namespace, so /proc/self/net (which is
//     the main thread's) goes on to show this machine's own table.
//   - Labs of parallel tests and test binaries don't touch: each claims a
//     subnet of its own.
//
// It needs root (CAP_NET_ADMIN and CAP_SYS_ADMIN) and fails the test without.
package lab
