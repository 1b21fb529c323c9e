package event_test

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"headstart/event"
)

// row makes a socket of its ends.
func row(local, remote string, state event.State, inode uint64) event.Socket {
	l, r := netip.MustParseAddrPort(local), netip.MustParseAddrPort(remote)
	return event.Socket{
		Local: event.AddressFrom(l.Addr()), LocalPort: l.Port(),
		Remote: event.AddressFrom(r.Addr()), RemotePort: r.Port(),
		State: state, Inode: inode,
	}
}

func TestCompareKey(t *testing.T) {
	ordered := []event.Socket{
		row("[::]:22", "[::]:0", event.Listen, 9),
		row("10.0.0.5:22", "10.0.0.9:51000", event.Established, 8),
		row("10.0.0.5:22", "10.0.0.9:51001", event.Established, 7),
		row("10.0.0.5:22", "10.0.1.0:1", event.Established, 6),
		row("10.0.0.5:23", "10.0.0.1:1", event.Established, 5),
		row("10.0.0.6:1", "10.0.0.1:1", event.Established, 4),
		row("[2001:db8::1]:22", "[2001:db8::2]:9", event.Established, 3),
		row("[2001:db8::1]:22", "[2001:db8:1::]:1", event.Established, 2),
		row("[2001:db8:1::]:1", "[::1]:1", event.Established, 1),
	}
	for i := range ordered {
		for j := range ordered {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			if got := ordered[i].CompareKey(&ordered[j]); got != want {
				t.Errorf("row %d to row %d: %d, want %d", i, j, got, want)
			}
		}
	}
	shuffled := slices.Clone(ordered)
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	if got := event.NormalizeSockets(shuffled); !slices.Equal(got, ordered) {
		t.Errorf("sorted:\n%v\nwant:\n%v", got, ordered)
	}
}

func TestNormalizeSocketsKeepsOneOfEachKey(t *testing.T) {
	live := row("10.0.0.5:40000", "10.0.0.7:5432", event.Established, 77)
	with := func(change func(*event.Socket)) event.Socket {
		s := live
		change(&s)
		return s
	}
	for _, tt := range []struct {
		name       string
		keep, drop event.Socket
	}{
		{"the live one over one in TIME_WAIT", with(func(s *event.Socket) { s.Inode = 0 }), with(func(s *event.Socket) { s.State = event.TimeWait; s.Inode = 99 })},
		{"one with an inode", live, with(func(s *event.Socket) { s.Inode = 0 })},
		{"the larger inode", with(func(s *event.Socket) { s.Inode = 78 }), live},
		{"the inode over the state", with(func(s *event.Socket) { s.State = event.CloseWait }), with(func(s *event.Socket) { s.Inode = 76 })},
		{"the lower state", live, with(func(s *event.Socket) { s.State = event.CloseWait })},
		{"more retransmits", with(func(s *event.Socket) { s.Retransmits = 1 }), live},
		{"more time left", with(func(s *event.Socket) { s.Remaining = 1 }), live},
		{"no timer", live, with(func(s *event.Socket) { s.Timer = event.TimerProbe })},
		{"the lower uid", live, with(func(s *event.Socket) { s.UID = 1 })},
		{"either of equal ones", live, live},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, rows := range [][]event.Socket{{tt.keep, tt.drop}, {tt.drop, tt.keep}, {tt.drop, tt.keep, tt.drop}} {
				if got := event.NormalizeSockets(rows); len(got) != 1 || got[0] != tt.keep {
					t.Errorf("kept %+v, want %+v", got, tt.keep)
				}
			}
		})
	}
}

// FuzzNormalizeSockets makes readings of any bytes, with few keys and many
// duplicates: whatever the order, the same rows come out, sorted, each key
// once, each row one of those that went in.
func FuzzNormalizeSockets(f *testing.F) {
	f.Add(uint64(1), []byte("some rows with few keys, and more of them, so that keys come twice"))
	f.Add(uint64(2), []byte{})
	f.Fuzz(func(t *testing.T, seed uint64, data []byte) {
		var rows []event.Socket
		for ; len(data) >= 3; data = data[3:] {
			rows = append(rows, event.Socket{
				Local: event.Address{Hi: uint64(data[0] >> 7), Lo: uint64(data[0] >> 6 & 1)}, LocalPort: uint16(data[0] >> 5 & 1),
				Remote: event.Address{Hi: uint64(data[0] >> 4 & 1), Lo: uint64(data[0] >> 3 & 1)}, RemotePort: uint16(data[0] >> 2 & 1),
				State: event.State(1 + data[1]%12), Inode: uint64(data[1] >> 6), UID: uint32(data[2] & 1),
				Timer: event.Timer(data[2] >> 1 & 3), Retransmits: data[2] >> 3 & 1, Remaining: uint32(data[2] >> 4 & 1),
			})
		}
		in := slices.Clone(rows)
		shuffled := slices.Clone(rows)
		rand.New(rand.NewPCG(seed, 0)).Shuffle(len(rows), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		out := event.NormalizeSockets(rows)
		if again := event.NormalizeSockets(shuffled); !slices.Equal(out, again) {
			t.Fatalf("another order gives other rows:\n%+v\n%+v", out, again)
		}
		keys := map[event.Socket]bool{}
		for i := range in {
			keys[event.Socket{Local: in[i].Local, LocalPort: in[i].LocalPort, Remote: in[i].Remote, RemotePort: in[i].RemotePort}] = true
		}
		if len(out) != len(keys) {
			t.Fatalf("%d rows of %d keys", len(out), len(keys))
		}
		for i := range out {
			if !slices.Contains(in, out[i]) {
				t.Fatalf("row %+v was not there", out[i])
			}
			if i > 0 && out[i-1].CompareKey(&out[i]) >= 0 {
				t.Fatalf("row %d is not sorted", i)
			}
		}
	})
}
