// Package column reads and writes columns of integers: the values of one
// field of many rows in one byte string, as varints (the encoding of
// encoding/binary), so that a column of small differences costs a byte a row
// and compresses to almost nothing.
//
// It guarantees that reading never panics and never allocates, whatever the
// bytes are.
package column

import (
	"encoding/binary"
	"errors"
)

// ErrMalformed is a column that ends too early, too late, or in the middle of
// a value.
var ErrMalformed = errors.New("malformed column")

// AppendUint appends a value.
func AppendUint(b []byte, v uint64) []byte {
	if v < 0x80 {
		return append(b, byte(v))
	}
	return binary.AppendUvarint(b, v)
}

// AppendDelta appends the difference from one value to the next, in either
// direction. It is exact for all 64-bit values: the arithmetic wraps.
func AppendDelta(b []byte, from, to uint64) []byte { return AppendUint(b, zigzag(to-from)) }

func zigzag(v uint64) uint64   { return v<<1 ^ uint64(int64(v)>>63) }
func unzigzag(v uint64) uint64 { return v>>1 ^ -(v & 1) }

// Uints reads a column of as many values as dst has room for. It returns
// ErrMalformed unless the column holds exactly these.
//
// Values of one byte are read eight at a time, zeros (no difference to the row
// above) fastest. Each length up to five bytes has a case of its own, so that
// the processor guesses the length and need not wait for it to begin the next
// value.
func Uints(dst []uint64, b []byte) error {
	const topBits = 0x8080808080808080 // set in a byte after which the value goes on
	i, next := 0, 0
	for i < len(dst) && next+8 <= len(b) {
		word := binary.LittleEndian.Uint64(b[next:])
		switch ends := ^word & topBits; {
		case word == 0 && i+8 <= len(dst):
			clear(dst[i : i+8])
			i, next = i+8, next+8
		case ends == topBits && i+8 <= len(dst):
			spread((*[8]uint64)(dst[i:]), word)
			i, next = i+8, next+8
		case ends&0x80 != 0:
			dst[i] = word & 0x7f
			i, next = i+1, next+1
		case ends&0x8000 != 0:
			dst[i] = word&0x7f | word>>1&(0x7f<<7)
			i, next = i+1, next+2
		case ends&0x800000 != 0:
			dst[i] = word&0x7f | word>>1&(0x7f<<7) | word>>2&(0x7f<<14)
			i, next = i+1, next+3
		case ends&0x80000000 != 0:
			dst[i] = word&0x7f | word>>1&(0x7f<<7) | word>>2&(0x7f<<14) | word>>3&(0x7f<<21)
			i, next = i+1, next+4
		case ends&0x8000000000 != 0:
			dst[i] = word&0x7f | word>>1&(0x7f<<7) | word>>2&(0x7f<<14) | word>>3&(0x7f<<21) | word>>4&(0x7f<<28)
			i, next = i+1, next+5
		default:
			v, n := binary.Uvarint(b[next:])
			if n <= 0 {
				return ErrMalformed
			}
			dst[i] = v
			i, next = i+1, next+n
		}
	}
	for ; i < len(dst); i++ {
		v, n := binary.Uvarint(b[next:])
		if n <= 0 {
			return ErrMalformed
		}
		dst[i] = v
		next += n
	}
	if next != len(b) {
		return ErrMalformed
	}
	return nil
}

// spread writes eight varints of one byte each.
func spread(dst *[8]uint64, word uint64) {
	for i := range dst {
		dst[i] = word >> (8 * i) & 0x7f
	}
}

// Differences reads a column that AppendDelta wrote, each value as the
// difference that it is.
func Differences(dst []uint64, b []byte) error {
	if err := Uints(dst, b); err != nil {
		return err
	}
	for i, v := range dst {
		dst[i] = unzigzag(v)
	}
	return nil
}

// Deltas reads a column that AppendDelta wrote from each value to the next,
// beginning with the difference from 0.
func Deltas(dst []uint64, b []byte) error {
	if err := Uints(dst, b); err != nil {
		return err
	}
	var last uint64
	for i, v := range dst {
		last += unzigzag(v)
		dst[i] = last
	}
	return nil
}
