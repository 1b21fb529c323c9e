package delivery

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// MaxRetryAfter is the longest wait that a receiver can request.
const MaxRetryAfter = time.Hour

// retryAfter reads a Retry-After field, which holds seconds or an HTTP-date
// (RFC 9110, 10.2.3). The result is from 0 to MaxRetryAfter; it is 0 when the
// field is absent, malformed or in the past.
func retryAfter(field string, at time.Time) time.Duration {
	field = strings.Trim(field, " \t")
	if seconds, digits := parseDigits(field); digits {
		return min(time.Duration(seconds)*time.Second, MaxRetryAfter)
	}
	if date, err := http.ParseTime(field); err == nil {
		return min(max(0, date.Sub(at)), MaxRetryAfter)
	}
	return 0
}

// parseDigits reads 1*DIGIT; a number beyond 32 bits becomes the largest.
func parseDigits(s string) (n uint32, ok bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	v, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return ^uint32(0), true
	}
	return uint32(v), true
}
