package term

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
)

// mostRunes is the maximum length of one text.
const mostRunes = 500

// Plain makes any text safe to show: unprintable characters become U+FFFD, and text
// over 500 characters ends with an ellipsis.
func Plain(s string) string {
	runes := 0
	return strings.Map(func(r rune) rune {
		switch runes++; {
		case runes > mostRunes:
			return -1
		case runes == mostRunes:
			return '…'
		case unicode.IsPrint(r):
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// PlainJSON escapes the unprintable characters of JSON, which keeps its value. It
// keeps line breaks between values.
func PlainJSON(data []byte) string {
	var b strings.Builder
	for _, r := range string(data) {
		switch {
		case unicode.IsPrint(r), r == '\n':
			b.WriteRune(r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		}
	}
	return b.String()
}

// Duration shows a duration to three digits or so: 4ms, 12.3s, 1m30s, 2h51m.
func Duration(d time.Duration) string {
	precision := time.Second
	switch {
	case d < time.Second:
		precision = time.Millisecond
	case d < time.Minute:
		precision = 100 * time.Millisecond
	}
	text := d.Round(precision).String()
	if s, ok := strings.CutSuffix(text, "m0s"); ok {
		text = s + "m"
	}
	if s, ok := strings.CutSuffix(text, "h0m"); ok {
		text = s + "h"
	}
	return text
}

// Ago shows an age in one unit: 12s, 3m, 2h, 5d.
func Ago(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", max(0, d/time.Second))
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 2*day:
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return fmt.Sprintf("%dd", d/day)
}
