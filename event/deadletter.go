package event

import (
	"encoding/json"
	"fmt"
	"time"
)

// DeadLetter is a message that a service could not handle, with the reason. It
// is JSON.
type DeadLetter struct {
	Service  string    `json:"service"`
	Receiver string    `json:"receiver,omitempty"` // of a notification that could not be delivered
	Stream   string    `json:"stream"`
	Subject  string    `json:"subject"`
	Sequence uint64    `json:"sequence"` // of the message in the stream
	At       time.Time `json:"at"`       // when the stream stored the message
	Reason   string    `json:"reason"`
	Data     []byte    `json:"data,omitempty"` // the message; cut where it is large
	Bytes    int       `json:"bytes"`          // its whole length
}

const maxDeadLetterData = 256 << 10

// EncodeDeadLetter returns the wire form, with at most 256 KiB of the message.
// The whole message is in its stream under the sequence.
func EncodeDeadLetter(d DeadLetter) ([]byte, error) {
	d.Bytes = len(d.Data)
	d.Data = d.Data[:min(len(d.Data), maxDeadLetterData)]
	data, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("encode dead letter: %w", err)
	}
	return data, nil
}
