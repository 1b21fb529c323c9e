package procnet

import (
	"encoding/binary"
	"math/bits"
)

const (
	ones     = 0x0101010101010101
	zeros    = '0' * ones // eight times the digit
	badDigit = 0xf0 * ones
)

// hexWord reads eight hexadecimal digits at once, the first one in the lowest
// byte. Unless all of them are 0-9 or A-F, bad has a bit of badDigit.
func hexWord(digits uint64) (v uint32, bad uint64) {
	const gap = 'A' - '9' - 1
	letters := digits >> 6 & ones
	nibbles := digits - zeros - letters*gap
	// A nibble must be below 16, and from 10 on where there is a letter.
	bad = nibbles | ((nibbles + 6*ones) ^ letters<<4)
	pairs := (nibbles<<4 | nibbles>>8) & 0x00ff00ff00ff00ff
	pairs = (pairs | pairs>>8) & 0x0000ffff0000ffff
	return bits.ReverseBytes32(uint32(pairs | pairs>>16)), bad
}

func load4(b []byte) uint64 { return uint64(binary.LittleEndian.Uint32(b)) }
func load8(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }
