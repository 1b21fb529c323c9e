package event_test

import (
	"os"
	"reflect"
	"testing"

	"headstart/event"
)

// TestGoldenMessages decodes messages that another msgpack library wrote, with
// its own choice of integer widths: the format is msgpack's, not a library's.
func TestGoldenMessages(t *testing.T) {
	read := func(name string) []byte {
		t.Helper()
		data, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	var snapshot event.Snapshot
	if err := new(event.SnapshotDecoder).Decode(read("snapshot.msgpack"), &snapshot); err != nil {
		t.Fatal(err)
	}
	if want := busyServer(8); !reflect.DeepEqual(&snapshot, want) {
		t.Errorf("snapshot:\n%+v\nwant:\n%+v", snapshot, *want)
	}
	var changes event.Changes
	if err := new(event.ChangesDecoder).Decode(read("changes.msgpack"), &changes); err != nil {
		t.Fatal(err)
	}
	want := busyChanges(4)
	want.Part, want.Parts = 2, 9
	if !reflect.DeepEqual(&changes, want) {
		t.Errorf("changes:\n%+v\nwant:\n%+v", changes, *want)
	}
}
