package detect_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/tools/txtar"
)

// scene is what happens on the day after the learning.
type scene struct {
	name              string
	lines             []string // what happens
	alerts, incidents *txtar.File
}

// play is a scene with the habits around it.
type play struct {
	fleet
	begin, dense, end time.Time
}

// stage reads what happens in a scene.
func (s *script) stage(sc *scene) (*play, error) {
	p := &play{begin: dayStart(s.days + 1)}
	p.end = p.begin.Add(time.Minute)
	for _, h := range s.habits {
		p.flows = append(p.flows, h.flows(s.days+1)...)
	}
	for _, line := range sc.lines {
		if err := s.happens(p, strings.Fields(line)); err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
	}
	if p.dense.IsZero() {
		p.dense = p.end
	}
	p.machines = s.machines
	p.flows = slices.DeleteFunc(p.flows, func(f *flow) bool { return f.start.After(p.end) })
	return p, nil
}

func (s *script) happens(p *play, fields []string) (err error) {
	if fields[0] == "until" && len(fields) == 2 {
		at, err := timeOfDay(fields[1])
		p.end = p.begin.Add(at)
		return err
	}
	at, err := timeOfDay(fields[0])
	if err != nil {
		return err
	}
	start := p.begin.Add(at)
	if p.dense.IsZero() || start.Add(-3*time.Minute).Before(p.dense) {
		p.dense = start.Add(-3 * time.Minute)
	}
	defer func() {
		if end := start.Add(5 * time.Minute); end.After(p.end) {
			p.end = end
		}
	}()
	from, to, ports, err := s.connections(fields[1:])
	if err != nil {
		return err
	}
	how, err := s.how(fields[4:])
	if err != nil {
		return err
	}
	for _, f := range from {
		for _, t := range to {
			for _, port := range ports {
				p.add(&flow{from: f, to: t, port: port, start: start, end: start.Add(how.length), unanswered: how.unanswered})
				start = start.Add(how.every)
			}
		}
	}
	return nil
}

func (p *play) add(f *flow) {
	f.id = 1<<60 | uint64(len(p.flows))
	p.flows = append(p.flows, f)
}

// how connections of a scene happen.
type how struct {
	length, every time.Duration
	unanswered    bool
}

func (s *script) how(fields []string) (h how, err error) {
	h = how{every: time.Second}
	for len(fields) > 0 && err == nil {
		word := fields[0]
		if word == "unanswered" {
			h.unanswered = true
			fields = fields[1:]
			continue
		}
		if len(fields) < 2 {
			return h, fmt.Errorf("%s what?", word)
		}
		switch value := fields[1]; word {
		case "for":
			h.length, err = time.ParseDuration(value)
		case "every":
			h.every, err = time.ParseDuration(value)
		default:
			err = fmt.Errorf("%s: want for, every or unanswered", word)
		}
		fields = fields[2:]
	}
	switch {
	case h.length > 0:
	case h.unanswered:
		h.length = 2 * time.Minute
	default:
		h.length = time.Second
	}
	return h, err
}
