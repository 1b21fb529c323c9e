package procnet

import (
	"math/rand/v2"
	"strconv"
	"testing"
)

func TestHexWordEqualsStrconv(t *testing.T) {
	const digits = "0123456789ABCDEF"
	random := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		var text [8]byte
		for i := range text {
			text[i] = digits[random.IntN(len(digits))]
		}
		for at := range text {
			good := text[at]
			for c := range 256 {
				text[at] = byte(c)
				v, bad := hexWord(load8(text[:]))
				want, err := strconv.ParseUint(string(text[:]), 16, 32)
				lower := c >= 'a' && c <= 'f'
				if ok := bad&badDigit == 0; ok != (err == nil && !lower) || ok && uint64(v) != want {
					t.Fatalf("%q: %08X, %t, want %08X, %v", text, v, ok, want, err)
				}
			}
			text[at] = good
		}
	}
}
