package zeek

import (
	"math"
	"strconv"
	"time"
)

const second = int64(time.Second)

// last is the second at which 2100 begins.
const last = 4_102_444_800

// parseTime reads a ts, as JSON::TimestampFormat has it: seconds since 1970
// with a fraction (TS_EPOCH), milliseconds since 1970 (TS_MILLIS), or ISO 8601
// in UTC (TS_ISO8601). Nanoseconds since 1970, from then to 2100.
func parseTime(b []byte) (int64, bool) {
	seconds, fraction, ok := parseSeconds(b)
	switch {
	case !ok:
		t, err := time.Parse(time.RFC3339Nano, string(b))
		if err != nil || t.Unix() < 0 || t.Unix() >= last {
			return 0, false
		}
		return t.UnixNano(), true
	case seconds < 0 || fraction < 0:
		return 0, false
	case seconds < last:
		return seconds*second + fraction, true
	case seconds >= 10*last && seconds < 1000*last: // milliseconds since 1971 or later
		return seconds*int64(time.Millisecond) + fraction/1000, true
	}
	return 0, false
}

// parseSeconds reads a number of seconds. fraction is in nanoseconds and has
// the sign of the number.
func parseSeconds(b []byte) (seconds, fraction int64, ok bool) {
	digits, sign := b, int64(1)
	if len(digits) > 0 && digits[0] == '-' {
		digits, sign = digits[1:], -1
	}
	n := 0
	for n < len(digits) && digits[n] >= '0' && digits[n] <= '9' {
		if seconds = seconds*10 + int64(digits[n]-'0'); seconds > 1000*last {
			return 0, 0, false
		}
		n++
	}
	if n == 0 {
		return 0, 0, false
	}
	if n < len(digits) && digits[n] == '.' {
		scale := second
		for n++; n < len(digits) && digits[n] >= '0' && digits[n] <= '9'; n++ {
			scale /= 10
			fraction += int64(digits[n]-'0') * scale
		}
	}
	if n == len(digits) {
		return sign * seconds, sign * fraction, true
	}
	if digits[n]|0x20 != 'e' || len(b) > 64 {
		return 0, 0, false
	}
	v, err := strconv.ParseFloat(string(b), 64) // 1.749e9
	if err != nil || math.Abs(v) > 1000*last {
		return 0, 0, false
	}
	whole, rest := math.Modf(v)
	return int64(whole), int64(rest * float64(second)), true
}

// parseCount reads a whole number from 0 to 2^53, beyond which JSON's numbers
// are no longer exact. Larger ones become that.
func parseCount(b []byte) (n int64, ok bool) {
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = min(n*10+int64(c-'0'), 1<<53)
	}
	return n, len(b) > 0
}
