package daemon

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret is a value that doesn't print: fmt, encoding/json and log/slog show
// [redacted]. Reveal is the only way to read it.
type Secret string

const redacted = "[redacted]"

// Reveal returns the value, for the call that sends it.
func (s Secret) Reveal() string { return string(s) }

// String returns [redacted], or nothing for the empty secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// Format implements fmt.Formatter for every verb.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// GoString implements fmt.GoStringer.
func (s Secret) GoString() string { return s.String() }

// MarshalText implements encoding.TextMarshaler.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
