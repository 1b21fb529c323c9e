package event

import (
	"encoding/json"
	"fmt"
	"time"
)

// Control makes a host's poller take snapshots more often until a time. It is
// JSON, so that a person can send one:
// {"interval":"10s","expires_at":"2025-06-05T16:00:00Z","reason":"…"}.
type Control struct {
	Interval  time.Duration
	ExpiresAt time.Time
	Reason    string
}

type controlWire struct {
	Interval  string    `json:"interval"`
	ExpiresAt time.Time `json:"expires_at"`
	Reason    string    `json:"reason,omitempty"`
}

// EncodeControl returns the wire form.
func EncodeControl(c Control) ([]byte, error) {
	return json.Marshal(controlWire{c.Interval.String(), c.ExpiresAt.UTC(), c.Reason})
}

// DecodeControl undoes EncodeControl and requires a positive interval and an
// expiry: no poller stays fast forever by mistake.
func DecodeControl(data []byte) (Control, error) {
	const limit = 4096
	if len(data) > limit {
		return Control{}, fmt.Errorf("decode control: %d bytes, more than %d", len(data), limit)
	}
	var w controlWire
	if err := json.Unmarshal(data, &w); err != nil {
		return Control{}, fmt.Errorf("decode control: %w", err)
	}
	interval, err := time.ParseDuration(w.Interval)
	if err != nil {
		return Control{}, fmt.Errorf("decode control: interval: %w", err)
	}
	if interval <= 0 {
		return Control{}, fmt.Errorf("decode control: interval %s is not positive", interval)
	}
	if w.ExpiresAt.IsZero() {
		return Control{}, fmt.Errorf("decode control: no expires_at")
	}
	return Control{interval, w.ExpiresAt, w.Reason}, nil
}
