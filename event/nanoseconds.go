package event

import "time"

// The times that Nanoseconds distinguishes, in seconds since 1970: to the year
// 2200.
const firstSecond, lastSecond = 1, 7_258_118_400

// Nanoseconds returns a time as nanoseconds since 1970, and 0 for the zero time
// only. A time before 1970 or after 2200 becomes the nearest in between.
func Nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	if s := t.Unix(); s < firstSecond || s > lastSecond {
		return min(max(s, firstSecond), lastSecond) * int64(time.Second)
	}
	return t.UnixNano()
}

// TimeAt returns the UTC time of Nanoseconds.
func TimeAt(nanoseconds int64) time.Time {
	if nanoseconds == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanoseconds).UTC()
}
