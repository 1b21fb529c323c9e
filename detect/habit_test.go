package detect_test

import (
	"fmt"
	"strings"
	"time"
)

// habit is something that happens again and again.
type habit struct {
	id       int
	from, to []*machine
	ports    []uint16
	every    time.Duration
	at       []time.Duration
	length   time.Duration
}

func (s *script) habit(fields []string) (err error) {
	h := habit{id: len(s.habits), length: time.Second}
	if h.from, h.to, h.ports, err = s.connections(fields); err != nil {
		return err
	}
	for fields = fields[3:]; len(fields) >= 2; fields = fields[2:] {
		switch word, value := fields[0], fields[1]; word {
		case "every":
			h.every, err = time.ParseDuration(value)
		case "for":
			h.length, err = time.ParseDuration(value)
		case "at":
			for text := range strings.SplitSeq(value, ",") {
				var at time.Duration
				at, err = timeOfDay(text)
				h.at = append(h.at, at)
			}
		default:
			err = fmt.Errorf("want every, at or for")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", fields[0], err)
		}
	}
	if len(fields) > 0 || (h.every == 0) == (h.at == nil) {
		return fmt.Errorf("want pairs of words, with every or at")
	}
	s.habits = append(s.habits, h)
	return nil
}

// flows returns what a habit is in some days.
func (h *habit) flows(days int) (flows []*flow) {
	for day := 1; day <= days; day++ {
		times := h.at
		for at := time.Duration(0); h.every > 0 && at < 24*time.Hour; at += h.every {
			times = append(times, at+time.Duration(h.id%17+1)*time.Second)
		}
		for _, at := range times {
			start := dayStart(day).Add(at)
			for n, from := range h.from {
				for k, to := range h.to {
					for _, port := range h.ports {
						begin := start.Add(time.Duration(n*3+k) * time.Second)
						flows = append(flows, &flow{
							id: uint64(h.id)<<40 | uint64(day)<<32 | uint64(len(flows)), from: from, to: to, port: port, start: begin, end: begin.Add(h.length),
						})
					}
				}
			}
		}
	}
	return flows
}
