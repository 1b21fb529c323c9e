package history

import (
	"testing"
	"time"
)

func TestParseBack(t *testing.T) {
	for text, want := range map[string]time.Duration{"7d": 7 * 24 * time.Hour, "1d12h": 36 * time.Hour, "36h": 36 * time.Hour, "90m": 90 * time.Minute, "0d": 0} {
		if got, err := parseBack(text); err != nil || got != want {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "d", "1d-25h", "7", "7days", "1.5d", "-1h", "7d-8d", "99999d", "9999d99999h"} {
		if got, err := parseBack(text); err == nil {
			t.Errorf("%q is %s", text, got)
		}
	}
}
