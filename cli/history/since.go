package history

import (
	"errors"
	"regexp"
	"strconv"
	"time"
)

// span is a duration before the end, or a time.
type span struct {
	back time.Duration
	at   time.Time
}

func (s span) before(end time.Time) time.Time {
	if !s.at.IsZero() {
		return s.at
	}
	return end.Add(-s.back)
}

var leadingDays = regexp.MustCompile(`^([0-9]{1,4})d(.*)$`)

// parseBack reads a duration that may begin with days: 7d, 1d12h, 36h.
func parseBack(text string) (time.Duration, error) {
	var d time.Duration
	if text == "" {
		return 0, errors.New("empty duration")
	}
	rest := text
	if m := leadingDays.FindStringSubmatch(text); m != nil {
		days, err := strconv.Atoi(m[1])
		if err != nil {
			return 0, err
		}
		d, rest = time.Duration(days)*24*time.Hour, m[2]
	}
	if rest != "" {
		more, err := time.ParseDuration(rest)
		if err != nil {
			return 0, err
		}
		d += more
	}
	if d < 0 || d > 10_000*24*time.Hour {
		return 0, errors.New("out of range")
	}
	return d, nil
}
