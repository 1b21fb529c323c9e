package column_test

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"testing"

	"headstart/event/column"
)

// edges are values at which a varint gets longer, or arithmetic wraps.
func edges() []uint64 {
	values := []uint64{0, 1, math.MaxUint64, math.MaxInt64, 1 << 63}
	for bits := 7; bits < 64; bits += 7 {
		values = append(values, 1<<bits-1, 1<<bits)
	}
	return values
}

func TestEveryValueAtEveryPlace(t *testing.T) {
	for _, v := range edges() {
		for place := range 20 {
			values := make([]uint64, 20)
			values[place] = v
			roundTrip(t, values)
		}
	}
	roundTrip(t, edges())
	roundTrip(t, nil)
}

// roundTrip writes values as every kind of column and reads them back.
func roundTrip(t *testing.T, values []uint64) {
	t.Helper()
	var plain, deltas []byte
	var last uint64
	differences := make([]uint64, 0, len(values))
	for _, v := range values {
		plain = column.AppendUint(plain, v)
		deltas = column.AppendDelta(deltas, last, v)
		differences = append(differences, v-last)
		last = v
	}
	got := make([]uint64, len(values))
	if err := column.Uints(got, plain); err != nil || !slices.Equal(got, values) {
		t.Fatalf("Uints: %v of %v, %v", got, values, err)
	}
	if err := column.Deltas(got, deltas); err != nil || !slices.Equal(got, values) {
		t.Fatalf("Deltas: %v of %v, %v", got, values, err)
	}
	if err := column.Differences(got, deltas); err != nil || !slices.Equal(got, differences) {
		t.Fatalf("Differences: %v of %v, %v", got, differences, err)
	}
}

func TestMalformed(t *testing.T) {
	long := slices.Repeat([]byte{0x80}, 9)
	for _, tt := range []struct {
		name   string
		values int
		column []byte
	}{
		{"nothing for one value", 1, nil},
		{"something for no value", 0, []byte{1}},
		{"one value too few", 3, []byte{1, 2}},
		{"one value too many", 2, []byte{1, 2, 3}},
		{"many values too many", 8, make([]byte, 16)},
		{"ends in the middle of a value", 2, []byte{1, 0x80}},
		{"as many bytes as values, the last one unfinished", 3, []byte{1, 2, 0x80}},
		{"a value that doesn't end", 1, slices.Repeat([]byte{0x80}, 100)},
		{"a value of more than 64 bits", 1, append(long, 2)},
		{"the same before other values", 2, append(append(long, 2), make([]byte, 8)...)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for name, read := range readers {
				if err := read(make([]uint64, tt.values), tt.column); !errors.Is(err, column.ErrMalformed) {
					t.Errorf("%s: %v, want ErrMalformed", name, err)
				}
			}
		})
	}
}

var readers = map[string]func([]uint64, []byte) error{
	"Uints": column.Uints, "Deltas": column.Deltas, "Differences": column.Differences,
}

func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte{})
	var seed []byte
	for _, v := range edges() {
		seed = binary.LittleEndian.AppendUint64(seed, v)
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, data []byte) {
		// Every ninth byte shortens the eight before it, so that short values
		// are as likely as long ones.
		var values []uint64
		for ; len(data) >= 9; data = data[9:] {
			values = append(values, binary.LittleEndian.Uint64(data)>>(data[8]%64))
		}
		roundTrip(t, values)
	})
}

// FuzzRead reads columns of any bytes: what the plain reader of
// encoding/binary reads, and nothing else.
func FuzzRead(f *testing.F) {
	f.Add(3, []byte{1, 2, 3})
	f.Add(9, slices.Repeat([]byte{0x81, 1}, 9))
	f.Add(2, append(slices.Repeat([]byte{0xff}, 9), 1, 0))
	f.Fuzz(func(t *testing.T, n int, data []byte) {
		if n < 0 || n > 1000 {
			return
		}
		want, ok := make([]uint64, 0, n), true
		for rest := data; len(want) < n; {
			v, size := binary.Uvarint(rest)
			if size <= 0 {
				ok = false
				break
			}
			want, rest, ok = append(want, v), rest[size:], len(rest) == size
		}
		if n == 0 {
			ok = len(data) == 0
		}
		got := make([]uint64, n)
		err := column.Uints(got, data)
		if (err == nil) != ok {
			t.Fatalf("%d values of %x: %v, want success %t", n, data, err, ok)
		}
		if ok && !slices.Equal(got, want) {
			t.Fatalf("%d values of %x: %v, want %v", n, data, got, want)
		}
		for name, read := range readers {
			if (read(got, data) == nil) != ok {
				t.Fatalf("%s differs from Uints on %d values of %x", name, n, data)
			}
		}
	})
}

func BenchmarkUints(b *testing.B) {
	for _, load := range []struct {
		name  string
		value func(i uint64) uint64
	}{
		{"one-byte", func(uint64) uint64 { return 1 }},
		{"one-or-two-bytes", func(i uint64) uint64 { return i * 2654435761 % 256 }},
		{"up-to-five-bytes", func(i uint64) uint64 { return i * 2654435761 % (1 << 32) }},
	} {
		b.Run(load.name, func(b *testing.B) {
			const n = 10_000
			var data []byte
			for i := range uint64(n) {
				data = column.AppendUint(data, load.value(i))
			}
			values := make([]uint64, n)
			b.ReportAllocs()
			for b.Loop() {
				if err := column.Uints(values, data); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/value")
		})
	}
}
