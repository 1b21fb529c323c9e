package heartbeat_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"headstart/detect/heartbeat"
	"headstart/detect/scripttest"
	"headstart/event/wire"
)

// The notation of the scripts in testdata. A section
//
//	-- 15:00:30 --
//	web-01
//	web-02 interval=10s at=14:59:50
//
// is the stream's time with the hosts whose snapshots come then, in that order;
// a snapshot is of that time and has an interval of 30 s unless it names another.
// The section
//
//	-- silences --
//	web-03 2m0s since 14:58:30
//
// lists the silences of 2 and of 15 minutes that follow. Without it there are none.
const scriptDay = "2025-06-05"

func TestScripts(t *testing.T) {
	scripttest.Each(t, "silences", func(t *testing.T) scripttest.Machine {
		p := heartbeat.New(0)
		p.Watch(2*time.Minute, 15*time.Minute)
		return scripttest.Machine{
			Do: func(section *txtar.File) (string, error) {
				now := moment(t, section.Name)
				for line := range strings.Lines(string(section.Data)) {
					observe(t, p, now, strings.Fields(line))
				}
				return describe(p.Advance(now)), nil
			},
			Restart: func() {
				p = restored(t, p)
				p.Watch(2*time.Minute, 15*time.Minute)
			},
		}
	})
}

func observe(t *testing.T, p *heartbeat.Monitor, at time.Time, fields []string) {
	t.Helper()
	interval := 30 * time.Second
	for _, field := range fields[1:] {
		name, value, _ := strings.Cut(field, "=")
		switch name {
		case "interval":
			var err error
			if interval, err = time.ParseDuration(value); err != nil {
				t.Fatal(err)
			}
		case "at":
			at = moment(t, value)
		default:
			t.Fatalf("%q: no such field", field)
		}
	}
	p.Observe(fields[0], at, interval)
}

func moment(t *testing.T, text string) time.Time {
	t.Helper()
	if !strings.Contains(text, "T") {
		text = scriptDay + "T" + text
	}
	at, err := time.Parse("2006-01-02T15:04:05", text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func describe(silences []heartbeat.Silence) (text string) {
	for _, s := range silences {
		text += fmt.Sprintf("%s %s since %s\n", s.Host, s.Duration, s.Since.Format(time.TimeOnly))
	}
	return text
}

// restored returns a saved and restored monitor.
func restored(t *testing.T, p *heartbeat.Monitor) *heartbeat.Monitor {
	t.Helper()
	saved, err := wire.Marshal(p.Save())
	if err != nil {
		t.Fatal(err)
	}
	var s heartbeat.State
	if err := wire.Unmarshal(saved, &s); err != nil {
		t.Fatal(err)
	}
	fresh := heartbeat.New(0)
	fresh.Restore(s)
	return fresh
}
