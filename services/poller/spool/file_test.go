package spool

import (
	"bytes"
	"testing"
)

func FuzzDecode(f *testing.F) {
	f.Add(encode(Message{ID: "web-01/boot/run/1", Payload: []byte("payload")}))
	f.Add(encode(Message{}))
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, data []byte) {
		if m, err := decode(data); err == nil && !bytes.Equal(encode(m), data) {
			t.Errorf("%q was decoded, but is encoded as %q", data, encode(m))
		}
		m := Message{ID: string(data[:len(data)/2]), Payload: data[len(data)/2:]}
		got, err := decode(encode(m))
		if err != nil || got.ID != m.ID || !bytes.Equal(got.Payload, m.Payload) {
			t.Errorf("%q came back as %q, %v", m, got, err)
		}
	})
}
