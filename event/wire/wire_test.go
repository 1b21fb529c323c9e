package wire_test

import (
	"bytes"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"headstart/event/wire"
)

func TestNumbersRoundTrip(t *testing.T) {
	signed := []int64{0, 1, 127, 128, 255, 256, 32767, 32768, 1 << 31, math.MaxInt64, -1, -32, -33, -128, -129, -32768, -32769, -1 << 31, math.MinInt64}
	unsigned := []uint64{0, 127, 128, 255, 256, 65535, 65536, 1<<32 - 1, 1 << 32, math.MaxInt64, math.MaxUint64}
	var w wire.Writer
	w.Reset(nil)
	for _, n := range signed {
		w.Int(n)
	}
	for _, n := range unsigned {
		w.Uint(n)
	}
	var r wire.Reader
	r.Reset(w.Bytes())
	for _, want := range signed {
		if got := r.Int(); got != want {
			t.Errorf("%d, want %d", got, want)
		}
	}
	for _, want := range unsigned {
		if got := r.Uint64(); got != want {
			t.Errorf("%d, want %d", got, want)
		}
	}
	if err := r.End(); err != nil {
		t.Error(err)
	}
}

// TestReadingIsStrict reads what the decoder of the library accepts or wraps.
func TestReadingIsStrict(t *testing.T) {
	for _, tt := range []struct {
		name, data, want string
		read             func(r *wire.Reader)
	}{
		{"nil for a number", "\xc0", "code 0xc0 where a number", func(r *wire.Reader) { r.Int() }},
		{"nil for a number without a sign", "\xc0", "code 0xc0 where a number", func(r *wire.Reader) { r.Uint64() }},
		{"a negative number", "\xd0\x80", "-128 where 0 to 255", func(r *wire.Reader) { r.Uint8() }},
		{"9 bits in 8", "\xcd\x01\x00", "256 where at most 255", func(r *wire.Reader) { r.Uint8() }},
		{"17 bits in 16", "\xce\x00\x01\x00\x00", "65536 where at most 65535", func(r *wire.Reader) { r.Uint16() }},
		{"33 bits in 32", "\xcf\x00\x00\x00\x01\x00\x00\x00\x00", "4294967296 where at most 4294967295", func(r *wire.Reader) { r.Uint32() }},
		{"64 bits without a sign", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615 where at most 9223372036854775807", func(r *wire.Reader) { r.Int() }},
		{"a float for a number", "\xca\x00\x00\x00\x00", "code=ca", func(r *wire.Reader) { r.Int() }},
		{"nil for a string", "\xc0", "where a string", func(r *wire.Reader) { r.Text() }},
		{"a byte string for a string", "\xc4\x01a", "where a string", func(r *wire.Reader) { r.Text() }},
		{"an interned string", "\xd4\x80\x00", "where a string", func(r *wire.Reader) { r.Text() }},
		{"a string for a byte string", "\xa1a", "where a byte string", func(r *wire.Reader) { r.Binary() }},
		{"nil for a map", "\xc0", "where a map", func(r *wire.Reader) { r.Map() }},
		{"a map after an extension", "\xd4\x00\x80", "where a map", func(r *wire.Reader) { r.Map() }},
		{"nil for an array", "\xc0", "where an array", func(r *wire.Reader) { r.Array(9) }},
		{"too long an array", "\x92\xc0\xc0", "2 entries, more than 1", func(r *wire.Reader) { r.Array(1) }},
		{"a longer array than its bytes", "\xdd\xff\xff\xff\xff\xc0", "4294967295 entries in 1 bytes", func(r *wire.Reader) { r.Array(math.MaxUint32) }},
		{"a longer map than its bytes", "\xdf\x00\x00\x00\x02\xc0\xc0\xc0", "2 entries in 3 bytes", func(r *wire.Reader) { r.Map() }},
		{"a longer string than its bytes", "\xdb\xff\xff\xff\xffa", io.ErrUnexpectedEOF.Error(), func(r *wire.Reader) { r.Text() }},
		{"a cut number", "\xcd\x01", io.ErrUnexpectedEOF.Error(), func(r *wire.Reader) { r.Int() }},
		{"nothing", "", io.ErrUnexpectedEOF.Error(), func(r *wire.Reader) { r.Text() }},
		{"more", "\xc0\xc0", "1 bytes after the end", func(r *wire.Reader) { r.Nil() }},
		{"a code that msgpack doesn't have", "\xc1", "unknown code c1", (*wire.Reader).Skip},
		{"a longer extension than its bytes", "\xc9\xff\xff\xff\xff\x01", io.ErrUnexpectedEOF.Error(), (*wire.Reader).Skip},
		{"arrays that promise more than there is", "\x93\x93\x93\xc0\xc0", "values in", (*wire.Reader).Skip},
		{"an array that doesn't end", "\x91\x91\x91", "entries in 0 bytes", (*wire.Reader).Skip},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var r wire.Reader
			r.Reset([]byte(tt.data))
			tt.read(&r)
			if err := r.End(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want an error with %q", err, tt.want)
			}
			if n := r.Int(); n != 0 || r.Nil() || r.Text() != nil || r.Array(1) != 0 {
				t.Error("after an error there are values")
			}
		})
	}
}

func TestSkipPassesAnyValue(t *testing.T) {
	values := []any{
		nil, true, int8(-1), uint64(math.MaxUint64), 1.5, float32(1.5), "text", strings.Repeat("x", 70_000), []byte{1, 2}, []any{1, []any{"a"}},
		map[string]any{"a": 1, "b": map[string]any{"c": []any{}}},
	}
	data, err := msgpack.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	data = append(data, "\xd7\xff\x00\x00\x00\x00\x65\x00\x00\x00"...) // a time
	short := data
	data = append(append(slices.Clip(data), bytes.Repeat([]byte{0x91}, 8<<20)...), 0xc0)
	var r wire.Reader
	r.Reset(data)
	for range 3 {
		r.Skip()
	}
	if err := r.End(); err != nil {
		t.Error(err)
	}
	if n := testing.AllocsPerRun(3, func() { r.Reset(short); r.Skip(); r.Skip() }); n > 0 {
		t.Errorf("skipping costs %g allocations", n)
	}
}

func TestWriterAppends(t *testing.T) {
	var w wire.Writer
	w.Reset([]byte("before"))
	w.Map(1)
	w.String("a")
	w.Binary(nil)
	w.Strings(nil)
	if got := string(w.Bytes()); got != "before\x81\xa1a\xc4\x00\x90" {
		t.Errorf("%q", got)
	}
}

// FuzzSkip: whatever the library can decode is skipped to the same place.
func FuzzSkip(f *testing.F) {
	for _, seed := range []string{"\xc0", "\xd4\x00\x81", "\xd7\x80\xc0\xc0", "\x92\x81\xa1a\xc4\x01b\xcb\x40\x09\x21\xfb\x54\x44\x2d\x18", "\xdd\xff\xff\xff\xff\xc0", "\x91\x91\x91", "\xc1"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 {
			return // the library's Skip calls itself
		}
		var r wire.Reader
		r.Reset(data)
		r.Skip()
		if (r.Err() == nil) != (msgpack.NewDecoder(bytes.NewReader(data)).Skip() == nil) {
			t.Fatalf("skipping gives %v", r.Err())
		}
	})
}
