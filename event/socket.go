package event

import (
	"cmp"
	"sort"
)

// Socket is a row of the kernel's table of TCP sockets.
//
// TIME_WAIT, SYN_RECV and orphaned FIN_WAIT rows have inode 0: the kernel no
// longer knows a file for them, or not yet (get_timewait4_sock and
// get_openreq4 in net/ipv4/tcp_ipv4.c). Their uid is 0 too, or on newer
// kernels the listener's or the last owner's.
type Socket struct {
	Local, Remote         Address
	LocalPort, RemotePort uint16
	State                 State
	Timer                 Timer
	Retransmits           uint8
	UID                   uint32
	Remaining             uint32 // until Timer fires, in 1/100 s
	Inode                 uint64
}

// CompareKey orders sockets by local address and port, then remote address
// and port: the key that a table holds once.
func (s *Socket) CompareKey(o *Socket) int {
	if c := s.Local.Compare(o.Local); c != 0 {
		return c
	}
	if c := cmp.Compare(s.LocalPort, o.LocalPort); c != 0 {
		return c
	}
	if c := s.Remote.Compare(o.Remote); c != 0 {
		return c
	}
	return cmp.Compare(s.RemotePort, o.RemotePort)
}

// less is CompareKey(o) < 0, for the loops that do it for every row.
func (s *Socket) less(o *Socket) bool {
	switch {
	case s.Local.Hi != o.Local.Hi:
		return s.Local.Hi < o.Local.Hi
	case s.Local.Lo != o.Local.Lo:
		return s.Local.Lo < o.Local.Lo
	case s.LocalPort != o.LocalPort:
		return s.LocalPort < o.LocalPort
	case s.Remote.Hi != o.Remote.Hi:
		return s.Remote.Hi < o.Remote.Hi
	case s.Remote.Lo != o.Remote.Lo:
		return s.Remote.Lo < o.Remote.Lo
	}
	return s.RemotePort < o.RemotePort
}

// byKey sorts rows in place: a row is too large to be passed by value, as the
// functions of package slices do.
type byKey []Socket

func (rows byKey) Len() int           { return len(rows) }
func (rows byKey) Less(i, j int) bool { return rows[i].less(&rows[j]) }
func (rows byKey) Swap(i, j int)      { rows[i], rows[j] = rows[j], rows[i] }

// NormalizeSockets sorts rows by key and keeps one row of each key, in place.
// A reading of a busy table holds keys twice, because the kernel doesn't stop
// the world for it: of two rows the live one is kept over the one in
// TIME_WAIT (the kernel recycles those), then the one with an inode, then the
// larger inode, so the choice doesn't depend on the order of the reading.
func NormalizeSockets(rows []Socket) []Socket {
	sort.Sort(byKey(rows))
	kept := 0
	for i := range rows {
		switch {
		case kept == 0 || rows[kept-1].less(&rows[i]):
			rows[kept] = rows[i]
			kept++
		case comparePreference(&rows[i], &rows[kept-1]) < 0:
			rows[kept-1] = rows[i]
		}
	}
	return rows[:kept]
}

func comparePreference(a, b *Socket) int {
	if (a.State == TimeWait) != (b.State == TimeWait) {
		if b.State == TimeWait {
			return -1
		}
		return 1
	}
	return cmp.Or(
		cmp.Compare(b.Inode, a.Inode),
		cmp.Compare(a.State, b.State),
		cmp.Compare(a.Timer, b.Timer),
		cmp.Compare(b.Retransmits, a.Retransmits),
		cmp.Compare(b.Remaining, a.Remaining),
		cmp.Compare(a.UID, b.UID),
	)
}
