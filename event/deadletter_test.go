package event_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"headstart/event"
)

func TestDeadLetterIsCut(t *testing.T) {
	const most = 256 << 10
	for _, tt := range []struct {
		name        string
		bytes, kept int
	}{
		{"no message", 0, 0},
		{"a small message is whole", 1000, 1000},
		{"the largest that is whole", most, most},
		{"a large message is cut", most + 1, most},
		{"a very large one too", 8 << 20, most},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := event.DeadLetter{
				Service: "tracker", Stream: event.StreamSnapshots, Subject: "snapshot.web-01", Sequence: 7,
				At: time.Date(2025, 6, 5, 14, 30, 0, 0, time.UTC), Reason: "unknown wire version 9", Data: bytes.Repeat([]byte{0xab}, tt.bytes),
			}
			data, err := event.EncodeDeadLetter(in)
			if err != nil {
				t.Fatal(err)
			}
			var out event.DeadLetter
			if err := json.Unmarshal(data, &out); err != nil {
				t.Fatal(err)
			}
			if out.Bytes != tt.bytes || !bytes.Equal(out.Data, in.Data[:tt.kept]) {
				t.Errorf("%d bytes, of which %d are kept; want %d, %d", out.Bytes, len(out.Data), tt.bytes, tt.kept)
			}
			if len(in.Data) != tt.bytes {
				t.Error("the message itself was cut")
			}
		})
	}
}

func TestDeadLetterJSON(t *testing.T) {
	data, err := event.EncodeDeadLetter(event.DeadLetter{
		Service: "notifier", Receiver: "tickets", Stream: event.StreamAlerts, Subject: "alert.high.smb-from-web", Sequence: 12,
		At: time.Date(2025, 6, 5, 14, 30, 0, 0, time.UTC), Reason: "410 Gone", Data: []byte("{}"),
	})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "dead-letter.json", data)
}
