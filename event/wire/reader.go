package wire

import (
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// Reader reads msgpack values from a byte slice until one is wrong: that error
// stays, and all further values are zero. The zero Reader is ready after
// Reset. It is reused, by one goroutine at a time.
type Reader struct {
	decoder *msgpack.Decoder
	from    *input
	err     error
}

// Reset makes the Reader read data.
func (r *Reader) Reset(data []byte) {
	if r.decoder == nil {
		r.from = new(input)
		r.decoder = msgpack.NewDecoder(r.from)
	}
	*r.from, r.err = input{data: data}, nil
}

// Err returns what was wrong first.
func (r *Reader) Err() error { return r.err }

// Fail notes an error, unless there is one already.
func (r *Reader) Fail(err error) {
	switch {
	case r.err != nil:
	case errors.Is(err, io.EOF):
		r.err = io.ErrUnexpectedEOF
	default:
		r.err = err
	}
}

// End returns what was wrong, or that there is more to read.
func (r *Reader) End() error {
	if r.err == nil && r.from.left() > 0 {
		return fmt.Errorf("%d bytes after the end", r.from.left())
	}
	return r.err
}

// code returns the first byte of the next value: its kind.
func (r *Reader) code() byte {
	if r.from.at < len(r.from.data) {
		return r.from.data[r.from.at]
	}
	return neverUsed
}

const neverUsed = 0xc1 // in msgpack's specification

func (r *Reader) unexpected(code byte, want string) {
	if code == neverUsed && r.from.left() == 0 {
		r.Fail(io.EOF)
		return
	}
	r.Fail(fmt.Errorf("msgpack code %#x where %s is expected", code, want))
}

// Map begins a map and returns how many entries it has.
func (r *Reader) Map() int {
	// The decoder also takes nil for a map, and skips an extension before one.
	if code := r.code(); r.err == nil && !isMap(code) {
		r.unexpected(code, "a map")
	}
	return r.length(r.decoder.DecodeMapLen, 2, math.MaxUint32)
}

// Array begins an array of at most limit entries and returns how many it has.
func (r *Reader) Array(limit int) int {
	if code := r.code(); r.err == nil && !isArray(code) {
		r.unexpected(code, "an array")
	}
	return r.length(r.decoder.DecodeArrayLen, 1, limit)
}

// length reads how many entries there are, each of at least size bytes.
func (r *Reader) length(decode func() (int, error), size, limit int) int {
	if r.err != nil {
		return 0
	}
	n, err := decode()
	switch {
	case err != nil:
		r.Fail(err)
	case n > limit:
		r.Fail(fmt.Errorf("%d entries, more than %d", n, limit))
	case n > r.from.left()/size:
		r.Fail(fmt.Errorf("%d entries in %d bytes", n, r.from.left()))
	default:
		return n
	}
	return 0
}

// Text reads a string, in place.
func (r *Reader) Text() []byte {
	if code := r.code(); r.err == nil && !msgpcode.IsString(code) {
		r.unexpected(code, "a string")
	}
	return r.inPlace()
}

// Binary reads a byte string, in place.
func (r *Reader) Binary() []byte {
	if code := r.code(); r.err == nil && !msgpcode.IsBin(code) {
		r.unexpected(code, "a byte string")
	}
	return r.inPlace()
}

func (r *Reader) inPlace() []byte {
	if r.err != nil {
		return nil
	}
	n, err := r.decoder.DecodeBytesLen()
	if err != nil {
		r.Fail(err)
		return nil
	}
	return r.take(n)
}

// take returns the next n bytes of the input.
func (r *Reader) take(n int) []byte {
	if n > r.from.left() {
		r.Fail(io.EOF)
		return nil
	}
	at := r.from.at
	r.from.at += n
	return r.from.data[at:r.from.at:r.from.at]
}

// Strings reads an array of at most limit strings, as copies.
func (r *Reader) Strings(limit int) []string {
	var all []string
	for range r.Array(limit) {
		all = append(all, string(r.Text()))
	}
	return all
}

// Int reads a number of 64 bits with a sign.
func (r *Reader) Int() int64 {
	if r.err != nil {
		return 0
	}
	code := r.code()
	n, err := r.decoder.DecodeInt64()
	switch {
	case err != nil:
		r.Fail(err)
	case code == msgpcode.Nil: // 0 to the decoder
		r.unexpected(code, "a number")
	case code == msgpcode.Uint64 && n < 0:
		r.Fail(fmt.Errorf("%d where at most %d is allowed", uint64(n), math.MaxInt64))
	default:
		return n
	}
	return 0
}

// Uint64 reads a number of 64 bits without a sign.
func (r *Reader) Uint64() uint64 { return r.uint(math.MaxUint64) }

// Uint32 reads a number of 32 bits without a sign.
func (r *Reader) Uint32() uint32 { return uint32(r.uint(math.MaxUint32)) }

// Uint16 reads a number of 16 bits without a sign.
func (r *Reader) Uint16() uint16 { return uint16(r.uint(math.MaxUint16)) }

// Uint8 reads a number of 8 bits without a sign.
func (r *Reader) Uint8() uint8 { return uint8(r.uint(math.MaxUint8)) }

func (r *Reader) uint(limit uint64) uint64 {
	if r.err != nil {
		return 0
	}
	code := r.code()
	n, err := r.decoder.DecodeUint64()
	switch {
	case err != nil:
		r.Fail(err)
	case code == msgpcode.Nil: // 0 to the decoder
		r.unexpected(code, "a number")
	case int64(n) < 0 && code != msgpcode.Uint64: // wrapped by the decoder
		r.Fail(fmt.Errorf("%d where 0 to %d is allowed", int64(n), limit))
	case n > limit:
		r.Fail(fmt.Errorf("%d where at most %d is allowed", n, limit))
	default:
		return n
	}
	return 0
}

// Nil reads nil if it is next, and reports whether it was.
func (r *Reader) Nil() bool {
	if r.err != nil || r.code() != msgpcode.Nil {
		return false
	}
	r.take(1)
	return true
}

// Skip reads a value of any kind. It counts the values that are left to skip
// instead of calling itself, as the decoder's Skip does, so that nesting costs
// no stack.
func (r *Reader) Skip() {
	for left := 1; left > 0 && r.err == nil; left-- {
		switch code := r.code(); {
		case isMap(code):
			left += 2 * r.Map()
		case isArray(code):
			left += r.Array(math.MaxUint32)
		case msgpcode.IsString(code), msgpcode.IsBin(code):
			r.inPlace()
		case msgpcode.IsExt(code):
			if _, n, err := r.decoder.DecodeExtHeader(); err != nil {
				r.Fail(err)
			} else {
				r.take(n)
			}
		default:
			if err := r.decoder.Skip(); err != nil {
				r.Fail(err)
			}
		}
		if left-1 > r.from.left() {
			r.Fail(fmt.Errorf("%d values in %d bytes", left-1, r.from.left()))
		}
	}
}

func isMap(code byte) bool {
	return msgpcode.IsFixedMap(code) || code == msgpcode.Map16 || code == msgpcode.Map32
}

func isArray(code byte) bool {
	return msgpcode.IsFixedArray(code) || code == msgpcode.Array16 || code == msgpcode.Array32
}

// input is a bytes.Reader that shows where it is.
type input struct {
	data []byte
	at   int
}

func (in *input) left() int { return len(in.data) - in.at }

func (in *input) Read(p []byte) (int, error) {
	if in.at >= len(in.data) {
		return 0, io.EOF
	}
	n := copy(p, in.data[in.at:])
	in.at += n
	return n, nil
}

func (in *input) ReadByte() (byte, error) {
	if in.at >= len(in.data) {
		return 0, io.EOF
	}
	in.at++
	return in.data[in.at-1], nil
}

// UnreadByte makes input an io.ByteScanner, before which the decoder puts no
// buffer of its own.
func (in *input) UnreadByte() error {
	if in.at == 0 {
		return errors.New("wire: no byte to unread")
	}
	in.at--
	return nil
}
