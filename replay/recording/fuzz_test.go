package recording

import (
	"bytes"
	"testing"
	"time"
)

// FuzzScan holds the reading of a file to this: what it takes for whole frames
// is what the writer makes of their messages.
func FuzzScan(f *testing.F) {
	m := Message{Subject: "snapshot.a", Data: []byte("data"), Stream: time.Unix(1, 2), Sequence: 3, StoredAt: time.Unix(4, 5)}
	file := appendFrame(appendFrame([]byte(magic), &m), &Message{})
	f.Add(file)
	f.Add(file[:len(file)-1])
	f.Fuzz(func(t *testing.T, content []byte) {
		again := []byte(magic)
		whole, err := scan(content, func(m *Message) error {
			again = appendFrame(again, m)
			return nil
		})
		if whole == 0 && err != nil {
			return
		}
		if !bytes.Equal(again, content[:whole]) {
			t.Fatalf("%d bytes of whole frames, written again %d, %v", whole, len(again), err)
		}
	})
}
