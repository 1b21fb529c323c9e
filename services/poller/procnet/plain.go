package procnet

import (
	"math"

	"headstart/event"
)

// The widths of stretches of a row in which every column has a fixed one.
const (
	endpoints4Width = 2 * (8 + 1 + 4 + 1)
	endpoints6Width = 2 * (32 + 1 + 4 + 1)
	statusWidth     = 2 + 1 + 8 + 1 + 8 + 1 + 2 + 1 + 8 + 1 + 8 + 1 // st to retrnsmt
)

// readPlain is a shortcut for a row that is spaced exactly as kernels do it,
// at the beginning of table. It returns how much of it it read, never past a
// newline. Where it says false, line.read decides; where it says true,
// line.read would read the same row.
func readPlain(table []byte, little bool, row *event.Socket) (read int, ok bool) {
	i := 0
	for i < len(table) && table[i] == ' ' {
		i++
	}
	slot := i
	for i < len(table) && isDigit(table[i]) {
		i++
	}
	if i == slot || len(table)-i < 2+endpoints6Width+statusWidth || table[i] != ':' || table[i+1] != ' ' {
		return 0, false
	}
	i += 2
	if table[i+8] == ':' {
		ok = readEndpoints4((*[endpoints4Width]byte)(table[i:]), little, row)
		i += endpoints4Width
	} else {
		ok = readEndpoints6((*[endpoints6Width]byte)(table[i:]), little, row)
		i += endpoints6Width
	}
	if !ok || !readStatus((*[statusWidth]byte)(table[i:]), row) {
		return 0, false
	}
	i += statusWidth

	uid, i, ok := readNumber(table, i)
	if !ok || uid > math.MaxUint32 {
		return 0, false
	}
	// Nearly every row has this timeout: no window probe is out.
	const noTimeout = "        0 "
	if len(table)-i > len(noTimeout) && string(table[i:i+len(noTimeout)]) == noTimeout {
		i += len(noTimeout) - 1
	} else if _, i, ok = readNumber(table, i); !ok {
		return 0, false
	}
	inode, i, ok := readNumber(table, i)
	if !ok {
		return 0, false
	}
	if _, i, ok = readNumber(table, i); !ok {
		return 0, false
	}
	row.UID, row.Inode = uint32(uid), inode
	return i, true
}

func readEndpoints4(b *[endpoints4Width]byte, little bool, row *event.Socket) (ok bool) {
	local, bad0 := hexWord(load8(b[0:]))
	remote, bad1 := hexWord(load8(b[14:]))
	ports, bad2 := hexWord(load4(b[9:]) | load4(b[23:])<<32)
	row.Local = event.AddressFrom4(network(local, little))
	row.Remote = event.AddressFrom4(network(remote, little))
	row.LocalPort, row.RemotePort = uint16(ports>>16), uint16(ports)
	return (bad0|bad1|bad2)&badDigit == 0 && b[8] == ':' && b[13] == ' ' && b[22] == ':' && b[27] == ' '
}

func readEndpoints6(b *[endpoints6Width]byte, little bool, row *event.Socket) (ok bool) {
	local, bad0 := readAddress6((*[32]byte)(b[0:]), little)
	remote, bad1 := readAddress6((*[32]byte)(b[38:]), little)
	ports, bad2 := hexWord(load4(b[33:]) | load4(b[71:])<<32)
	row.Local, row.Remote = local, remote
	row.LocalPort, row.RemotePort = uint16(ports>>16), uint16(ports)
	return (bad0|bad1|bad2)&badDigit == 0 && b[32] == ':' && b[37] == ' ' && b[70] == ':' && b[75] == ' '
}

func readAddress6(b *[32]byte, little bool) (a event.Address, bad uint64) {
	var w0, w1 uint32
	var bad0, bad1 uint64
	// Most rows of tcp6 are of IPv4 connections and of listeners on [::].
	if load8(b[0:]) != zeros || load8(b[8:]) != zeros {
		w0, bad0 = hexWord(load8(b[0:]))
		w1, bad1 = hexWord(load8(b[8:]))
	}
	w2, bad2 := hexWord(load8(b[16:]))
	w3, bad3 := hexWord(load8(b[24:]))
	words := [4]uint32{network(w0, little), network(w1, little), network(w2, little), network(w3, little)}
	return addressFrom6(words), bad0 | bad1 | bad2 | bad3
}

// readStatus reads the columns from st to retrnsmt.
func readStatus(b *[statusWidth]byte, row *event.Socket) (ok bool) {
	state := b[1] - '0'
	if b[1] >= 'A' {
		state = b[1] - 'A' + 10
	}
	row.State, row.Timer = event.State(state), event.Timer(b[22]-'0')
	ok = b[0] == '0' && (isDigit(b[1]) || b[1] >= 'A') && row.State.Valid() &&
		b[21] == '0' && row.Timer.Valid() &&
		b[2] == ' ' && b[11] == ':' && b[20] == ' ' && b[23] == ':' && b[32] == ' ' && b[41] == ' '

	// An idle socket has zeros everywhere.
	if tx, rx := load8(b[3:]), load8(b[12:]); tx != zeros || rx != zeros {
		_, bad0 := hexWord(tx)
		_, bad1 := hexWord(rx)
		ok = ok && (bad0|bad1)&badDigit == 0
	}
	if when, retransmits := load8(b[24:]), load8(b[33:]); when != zeros || retransmits != zeros {
		left, bad0 := hexWord(when)
		n, bad1 := hexWord(retransmits)
		row.Remaining, row.Retransmits = left, uint8(n)
		ok = ok && (bad0|bad1)&badDigit == 0 && n <= math.MaxUint8
	}
	return ok
}

// readNumber reads spaces and a decimal number that a space follows.
func readNumber(table []byte, at int) (v uint64, end int, ok bool) {
	const most = 19 // digits that are sure to fit
	for at < len(table) && table[at] == ' ' {
		at++
	}
	end = at
	for end < len(table) && isDigit(table[end]) {
		v = v*10 + uint64(table[end]-'0')
		end++
	}
	return v, end, end > at && end-at <= most && end < len(table) && table[end] == ' '
}

func isDigit(c byte) bool { return c-'0' <= 9 }
