package scenario

import (
	"fmt"
	"time"
)

// move is one connection of the attacker, or several: one to each host, one
// after the other.
type move struct {
	clock time.Duration
	name  string // in the published timeline
	from  string
	to    []string
	port  uint16
	lasts [2]time.Duration // at least, at most
	text  string           // with the host's name for %s
}

const (
	ms      = time.Millisecond
	seconds = time.Second
	minutes = time.Minute
	hours   = time.Hour
	day     = 24 * hours
)

// session is the long database session of the incident.
const session = 847 * seconds

// The moves of the reference incident, before and after the sweep.
var (
	before = []move{
		{14*hours + 30*minutes, "SSH compromise of web-01", "203.0.113.7", []string{"web-01"}, 22, [2]time.Duration{2*hours + 51*minutes},
			"logs in to %s by SSH from 203.0.113.7, with a stolen password"},
		{14*hours + 30*minutes + 23*seconds, "database session on db-01, 847 s", "web-01", []string{"db-01"}, 5432, [2]time.Duration{session},
			"opens a session on %s with the web server's password, and copies tables"},
	}
	after = []move{
		{15*hours + 47*minutes + 12*seconds, "move to the file server fs-01", "web-01", []string{"fs-01"}, 445, [2]time.Duration{31 * minutes},
			"is on %s, over SMB with a password from the database"},
		{16*hours + 22*minutes + 8*seconds, "RDP to the domain controller", "fs-01", []string{"dc-01"}, 3389, [2]time.Duration{58 * minutes},
			"opens a remote desktop on the domain controller %s, from fs-01"},
		{16*hours + 31*minutes, "", "dc-01", []string{"backup-01", "app-01", "web-02", "mon-01"}, 22, [2]time.Duration{4 * minutes, 20 * minutes},
			"takes %s, from dc-01"},
		{17*hours + 2*minutes + 37*seconds, "", "web-01", []string{"203.0.113.99"}, 443, [2]time.Duration{19 * minutes},
			"sends 2.3 GB out of web-01 to %s"},
	}
)

// sweep is how many addresses are tried for SMB, from sweepAt on.
const (
	sweep   = 60
	sweepAt = 15*hours + 15*minutes + 41*seconds
)

// intrude writes the reference incident, of which the published timeline gives
// six moments to the second.
func (x *Scenario) intrude(l *ledger, r random) {
	x.moves(l, r, before)
	ended := x.Steps[len(x.Steps)-1].At.Add(session)
	x.Steps = append(x.Steps, Step{At: ended, Text: fmt.Sprintf("closes it after %d s; usual is under 2 s", int(session.Seconds()))})

	web, files := of("web-01"), of("fs-01")
	x.Steps = append(x.Steps, Step{
		At: x.Day.Add(sweepAt), Name: "SMB reconnaissance", Source: web, Port: 445,
		Text: fmt.Sprintf("tries %d addresses of 10.1.5.0/24 for SMB; fs-01 answers", sweep),
	})
	when := x.Day.Add(sweepAt).Sub(x.Start)
	for n := range sweep {
		c := call{from: web, to: at(fmt.Sprintf("10.1.5.%d", n+1)), port: 445, lasts: 3 * seconds, ends: silent}
		if c.to == files {
			c.lasts, c.ends = 2*ms, resetByOriginator
		}
		l.add(when, c)
		when += r.span(300*ms, 1200*ms)
	}
	x.moves(l, r, after)
	x.SIEM = Step{At: x.Day.Add(17*hours + 30*minutes), Name: "the SIEM's first alarm", Text: "raises its first alarm"}
}

// moves writes moves, and lists them as steps.
func (x *Scenario) moves(l *ledger, r random, moves []move) {
	for _, v := range moves {
		when := x.Day.Add(v.clock)
		for _, to := range v.to {
			c := call{from: of(v.from), to: of(to), port: v.port, lasts: v.lasts[0]}
			if v.lasts[1] > 0 {
				c.lasts = r.span(v.lasts[0], v.lasts[1])
			}
			l.add(when.Sub(x.Start), c)
			x.Steps = append(x.Steps, Step{
				At: when, Name: v.name, Text: fmt.Sprintf(v.text, to), Source: c.from, Destination: c.to, Port: c.port,
			})
			if len(v.to) > 1 {
				when = when.Add(r.span(4*minutes, 7*minutes)).Truncate(seconds)
			}
		}
	}
}
