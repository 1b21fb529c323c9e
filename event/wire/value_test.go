package wire_test

import (
	"math"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"headstart/event/wire"
)

type kind uint8

// MarshalText is not what is saved: it has no text for every value.
func (k kind) MarshalText() ([]byte, error) { panic("a number is saved") }

type item struct {
	Name  string
	At    time.Time
	Bytes []byte
	ID    [3]byte
	Next  *item
}

type state struct {
	Flag     bool
	Int      int
	Small    int8
	Unsigned uint64
	Kind     kind
	Float    float64
	Items    []item
	Pair     [2][]uint32
	ByKey    map[struct{ A, B int }]*item
	Times    map[string]time.Time
	Pause    time.Duration
	Absent   *item
	hidden   int
}

func someState() state {
	at := time.Date(2025, 6, 5, 14, 30, 0, 123, time.UTC)
	return state{
		Flag: true, Int: -5, Small: -128, Unsigned: math.MaxUint64, Kind: 7, Float: 0.1,
		Items: []item{{Name: "a", At: at, Bytes: []byte{1}, ID: [3]byte{1, 2, 3}, Next: &item{Name: "b"}}, {}},
		Pair:  [2][]uint32{nil, {1, 2}},
		ByKey: map[struct{ A, B int }]*item{{1, 2}: {Name: "c"}, {3, 4}: nil},
		Times: map[string]time.Time{"zero": {}, "late": at.AddDate(900, 0, 0)}, Pause: time.Second,
	}
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	data, err := wire.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestValuesRoundTrip(t *testing.T) {
	for name, want := range map[string]state{"full": someState(), "zero": {}, "empty": {Items: []item{}, Times: map[string]time.Time{}}} {
		t.Run(name, func(t *testing.T) {
			var got state
			if err := wire.Unmarshal(marshal(t, want), &got); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("restored:\n%+v\nsaved:\n%+v", got, want)
			}
		})
	}
	if _, err := wire.Marshal(struct{ F func() }{func() {}}); err == nil || !strings.Contains(err.Error(), "func() can't be saved") {
		t.Errorf("a function: %v", err)
	}
}

func TestHostileValues(t *testing.T) {
	good := marshal(t, someState())
	for n := range good {
		if wire.Unmarshal(good[:n], new(state)) == nil {
			t.Errorf("%d of %d bytes are a state", n, len(good))
		}
	}
	for _, tt := range []struct {
		name, want string
		data       []byte
		to         any
	}{
		{"bytes after the end", "1 bytes after the end", append(good, 0), new(state)},
		{"another struct", "fields for wire_test.item, want 5", marshal(t, [4]int{}), new(item)},
		{"a number that is too large", "256 is no uint8", marshal(t, 256), new(uint8)},
		{"a number that is too small", "-129 is no int8", marshal(t, -129), new(int8)},
		{"a short array", "2 entries for [3]int", marshal(t, [2]int{}), new([3]int)},
		{"a short byte array", "2 bytes for [3]uint8", marshal(t, [2]byte{}), new([3]byte)},
		{"a time that is none", "Time.UnmarshalBinary", marshal(t, []byte{9}), new(time.Time)},
		{"a slice without end", "4294967295 entries", []byte("\xdd\xff\xff\xff\xff\xc0"), new([]int)},
		{"a map without end", "4294967295 entries", []byte("\xdf\xff\xff\xff\xff\xc0"), new(map[int]int)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := wire.Unmarshal(tt.data, tt.to); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want an error with %q", err, tt.want)
			}
		})
	}
}

// TestClaimedLengthTakesNoMemory claims a million structs in as many bytes, of
// which the first is wrong.
func TestClaimedLengthTakesNoMemory(t *testing.T) {
	data := append([]byte("\xdd\x00\x10\x00\x00"), make([]byte, 1<<20)...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var items []item
	if err := wire.Unmarshal(data, &items); err == nil {
		t.Fatal("numbers are structs")
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
		t.Errorf("%d bytes were allocated", took)
	}
}

func FuzzUnmarshal(f *testing.F) {
	f.Add(marshal(f, someState()))
	f.Add(marshal(f, state{}))
	f.Fuzz(func(t *testing.T, data []byte) {
		var s, again state
		if wire.Unmarshal(data, &s) != nil {
			return
		}
		if err := wire.Unmarshal(marshal(t, s), &again); err != nil {
			t.Fatalf("what was restored can't be restored again: %v", err)
		}
	})
}
