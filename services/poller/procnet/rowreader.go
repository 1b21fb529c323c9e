package procnet

import (
	"bytes"
	"math"
	"math/bits"

	"headstart/event"
)

// rowReader reads a row's columns one by one.
type rowReader struct {
	row    *event.Socket
	little bool // the byte order of the host that printed the table
	digits int  // of an address
}

// read reads one column and reports whether its text is good.
func (r *rowReader) read(c column, text []byte) (ok bool) {
	var v uint64
	switch c {
	case columnSlot:
		text, ok = bytes.CutSuffix(text, []byte(":"))
		_, number := decimal(text)
		return ok && number
	case columnLocal:
		r.digits = 8
		if len(text) > 8 && text[8] != ':' {
			r.digits = 32
		}
		r.row.Local, r.row.LocalPort, ok = r.endpoint(text)
	case columnRemote:
		r.row.Remote, r.row.RemotePort, ok = r.endpoint(text)
	case columnState:
		v, ok = hexadecimal(text, 2)
		r.row.State = event.State(v)
		return ok && r.row.State.Valid()
	case columnQueues:
		tx, rx, _ := bytes.Cut(text, []byte(":"))
		_, okTx := hexadecimal(tx, 8)
		_, okRx := hexadecimal(rx, 8)
		return okTx && okRx
	case columnTimer:
		r.row.Timer, r.row.Remaining, ok = timer(text)
	case columnRetransmits:
		v, ok = hexadecimal(text, 8)
		r.row.Retransmits = uint8(v)
		return ok && v <= math.MaxUint8
	case columnUID:
		v, ok = decimal(text)
		r.row.UID = uint32(v)
		return ok && v <= math.MaxUint32
	case columnTimeout, columnReferences:
		_, ok = decimal(text)
	case columnInode:
		r.row.Inode, ok = decimal(text)
	}
	return ok
}

func (r *rowReader) endpoint(text []byte) (address event.Address, port uint16, ok bool) {
	if len(text) != r.digits+5 || text[r.digits] != ':' {
		return address, 0, false
	}
	var words [4]uint32
	for i := range r.digits / 8 {
		word, ok := hexadecimal(text[8*i:8*i+8], 8)
		if !ok {
			return address, 0, false
		}
		words[i] = network(uint32(word), r.little)
	}
	p, ok := hexadecimal(text[r.digits+1:], 4)
	if r.digits == 8 {
		return event.AddressFrom4(words[0]), uint16(p), ok
	}
	return addressFrom6(words), uint16(p), ok
}

func addressFrom6(words [4]uint32) event.Address {
	return event.Address{
		Hi: uint64(words[0])<<32 | uint64(words[1]),
		Lo: uint64(words[2])<<32 | uint64(words[3]),
	}
}

// network returns the value of an address's word in network order, given the
// integer that the kernel took it for.
func network(word uint32, little bool) uint32 {
	if little {
		return bits.ReverseBytes32(word)
	}
	return word
}

// timer reads a timer and when it fires. Kernels before 3.3 printed the time
// left of an expired one as a negative number of 64 bits.
func timer(text []byte) (t event.Timer, remaining uint32, ok bool) {
	const least, most = 8, 16
	kind, when, _ := bytes.Cut(text, []byte(":"))
	n, ok := hexadecimal(kind, 2)
	if t = event.Timer(n); !ok || !t.Valid() || len(when) < least || len(when) > most {
		return t, 0, false
	}
	left, ok := hexadecimal(when, len(when))
	if left > math.MaxUint32 {
		left = 0
	}
	return t, uint32(left), ok
}

// hexadecimal reads a number of exactly so many digits, of either case, at
// most 16.
func hexadecimal(text []byte, digits int) (v uint64, ok bool) {
	if len(text) != digits {
		return 0, false
	}
	for _, c := range text {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		default:
			return 0, false
		}
		v = v<<4 | uint64(c)
	}
	return v, true
}

// decimal reads a number of at most 64 bits.
func decimal(text []byte) (v uint64, ok bool) {
	for _, c := range text {
		digit := uint64(c - '0')
		if c < '0' || digit > 9 || v > (math.MaxUint64-digit)/10 {
			return 0, false
		}
		v = v*10 + digit
	}
	return v, len(text) > 0
}
