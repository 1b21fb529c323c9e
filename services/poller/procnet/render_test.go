package procnet_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"

	"headstart/event"
)

const (
	header4 = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
	header6 = "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
)

// render prints rows as a kernel of the given byte order does: those of IPv4
// as in /proc/net/tcp, padded, the others as in /proc/net/tcp6.
func render(rows []event.Socket, order binary.ByteOrder) []byte {
	var b bytes.Buffer
	for i, r := range rows {
		line := fmt.Sprintf("%4d: %s:%04X %s:%04X %02X %08X:%08X %02X:%08X %08X %5d %8d %d %d %016x",
			i, words(r.Local, plain4(r), order), r.LocalPort, words(r.Remote, plain4(r), order), r.RemotePort,
			uint8(r.State), 0, 0, uint8(r.Timer), r.Remaining, r.Retransmits, r.UID, 0, r.Inode, 1, 0x2cc4559e)
		if r.State != event.SynRecv && r.Timer != event.TimerTimeWait {
			line += " 20 4 30 10 -1"
		}
		if plain4(r) {
			line = fmt.Sprintf("%-149s", line)
		}
		b.WriteString(line + "\n")
	}
	return b.Bytes()
}

func plain4(r event.Socket) bool { return r.Local.Is4() && r.Remote.Is4() }

func words(a event.Address, plain bool, order binary.ByteOrder) (text string) {
	var memory [16]byte
	binary.BigEndian.PutUint64(memory[:8], a.Hi)
	binary.BigEndian.PutUint64(memory[8:], a.Lo)
	first := 0
	if plain {
		first = 12
	}
	for i := first; i < len(memory); i += 4 {
		text += fmt.Sprintf("%08X", order.Uint32(memory[i:]))
	}
	return text
}

// busyTable prints what a busy web server shows: a few listeners, and
// connections of which a third are in TIME_WAIT.
func busyTable(n int, v6 bool) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	address := func(suffix uint32) event.Address {
		if v6 {
			return event.Address{Hi: 0x20010db8_00010000, Lo: uint64(suffix)}
		}
		return event.AddressFrom4(10<<24 | suffix)
	}
	rows := make([]event.Socket, n)
	for i := range rows {
		r := event.Socket{
			Local: address(0x01010a), LocalPort: 443,
			Remote: address(random.Uint32N(1 << 16)), RemotePort: uint16(32768 + random.IntN(28232)),
			State: event.Established, UID: 33, Inode: 1e6 + random.Uint64N(1e7),
		}
		switch kind := random.IntN(100); {
		case kind < 1:
			r.Remote, r.RemotePort, r.State = address(0), 0, event.Listen
		case kind < 5:
			r.LocalPort, r.RemotePort, r.UID = r.RemotePort, 5432, 1000
		case kind < 10:
			r.Timer, r.Remaining = event.TimerRetransmit, random.Uint32N(40)
		case kind < 40:
			r.State, r.Timer, r.Remaining, r.UID, r.Inode = event.TimeWait, event.TimerTimeWait, random.Uint32N(6000), 0, 0
		}
		rows[i] = r
	}
	header := fmt.Sprintf("%-149s\n", header4)
	if v6 {
		header = header6 + "\n"
	}
	return append([]byte(header), render(rows, binary.NativeEndian)...)
}
