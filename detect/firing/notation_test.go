package firing_test

import (
	"cmp"
	"fmt"
	"net/netip"
	"path"
	"strconv"
	"strings"
	"testing/fstest"
	"time"

	"headstart/detect/firing"
	"headstart/detect/rule"
	"headstart/event"

	"golang.org/x/tools/txtar"
)

// The notation of the scripts in testdata. Sections rules/… are the rules'
// files, as analysts write them; one that comes between two messages replaces
// the file of that name, and an empty one removes it. Hosts that report their
// connections are
//
//	-- hosts --
//	10.0.0.9 db-01 database
//
// A message is
//
//	-- message 14:30:30 --
//	opened #1 10.0.0.5:40000 -> 10.0.0.9:5432
//	listening #2 0.0.0.0:4444
//	closed #3 ended=14:30:12
//
// with a number for each connection, which has to say its ends only once. It
// is of host web-01, which has the role web and the address 10.0.0.5, and
// follows the message before unless its header says seq=, boot=, run=, part=,
// missed= or since=. What opens began since the message before, or after
// began=; what ends did so in that time, or at ended= exactly. What is found
// with it is
//
//	-- found --
//	rule-id on #1, lived [30s, 60s]
//	remembers 1
//
// in order, then how many connections are remembered. Without that section
// nothing may be found. Of a pattern, the step and what the match is known by
// are there too. The baseline knows that a usual fan-out is 2.
const scriptDay = "2025-06-05"

// script is a parsed script.
type script struct {
	messages []message
	peers    map[event.Address]*rule.Host
}

// message is one message, the rules in force when it comes, and what is found.
type message struct {
	header  string
	changes event.Changes
	set     *rule.Set
	found   *txtar.File // nil: nothing
}

// reader reads a script from top to bottom.
type reader struct {
	script
	rules       fstest.MapFS
	set         *rule.Set
	last        event.Changes
	connections map[int]event.Connection // as last described
}

func parseScript(archive *txtar.Archive) (*script, error) {
	r := reader{
		script: script{peers: map[event.Address]*rule.Host{}},
		rules:  fstest.MapFS{}, connections: map[int]event.Connection{},
	}
	for i := range archive.Files {
		section := &archive.Files[i]
		if err := r.section(section); err != nil {
			return nil, fmt.Errorf("section %q: %w", section.Name, err)
		}
	}
	return &r.script, nil
}

func (r *reader) section(section *txtar.File) error {
	kind, header, _ := strings.Cut(section.Name, " ")
	switch {
	case strings.HasPrefix(kind, "rules/"):
		r.set = nil
		name := path.Base(kind)
		if len(section.Data) == 0 {
			delete(r.rules, name)
			return nil
		}
		r.rules[name] = &fstest.MapFile{Data: section.Data}
	case kind == "hosts":
		return r.hosts(section.Data)
	case kind == "message":
		return r.message(header, section.Data)
	case kind == "found" && len(r.messages) > 0:
		r.messages[len(r.messages)-1].found = section
	default:
		return fmt.Errorf("want rules/…, hosts, message, or found after a message")
	}
	return nil
}

func (r *reader) hosts(lines []byte) error {
	for line := range strings.Lines(string(lines)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			return fmt.Errorf("%q: want an address, a name and roles", line)
		}
		address, err := netip.ParseAddr(fields[0])
		if err != nil {
			return err
		}
		r.peers[event.AddressFrom(address)] = &rule.Host{Name: fields[1], Roles: fields[2:], Reports: true}
	}
	return nil
}

func (r *reader) message(header string, lines []byte) (err error) {
	if r.set == nil {
		if r.set, err = rule.Load(r.rules, "rules"); err != nil {
			return err
		}
	}
	c := event.Changes{
		Host: "web-01", BootID: cmp.Or(r.last.BootID, "b1"), Run: cmp.Or(r.last.Run, "r1"), Sequence: r.last.Sequence + 1,
		PreviousAt: r.last.ObservedAt, Interval: 30 * time.Second, Part: 1, Parts: 1,
	}
	clock, fields, _ := strings.Cut(header, " ")
	if c.ObservedAt, err = parseMoment(clock); err != nil {
		return err
	}
	for _, field := range strings.Fields(fields) {
		if err := parseHeader(&c, field); err != nil {
			return fmt.Errorf("%s: %w", field, err)
		}
	}
	for line := range strings.Lines(string(lines)) {
		one, err := r.change(&c, strings.Fields(line))
		if err != nil {
			return fmt.Errorf("%q: %w", line, err)
		}
		c.Connections = append(c.Connections, one)
	}
	r.messages = append(r.messages, message{header: header, changes: c, set: r.set})
	if c.Part == c.Parts {
		r.last = c
	}
	return nil
}

func parseHeader(c *event.Changes, field string) (err error) {
	name, value, _ := strings.Cut(field, "=")
	switch name {
	case "seq":
		c.Sequence, err = strconv.ParseUint(value, 10, 64)
	case "missed":
		c.Missed, err = strconv.ParseUint(value, 10, 64)
		c.Sequence += c.Missed
	case "boot":
		c.BootID = value
	case "run":
		c.Run = value
	case "part":
		_, err = fmt.Sscanf(value, "%d/%d", &c.Part, &c.Parts)
	case "since":
		if c.PreviousAt = (time.Time{}); value != "nothing" {
			c.PreviousAt, err = parseMoment(value)
		}
	default:
		err = fmt.Errorf("no such field")
	}
	return err
}

// change reads "opened #1 10.0.0.5:40000 -> 10.0.0.9:5432 TIME_WAIT ended=…".
func (r *reader) change(c *event.Changes, fields []string) (one event.Connection, err error) {
	var kind event.Kind
	if err := kind.UnmarshalText([]byte(fields[0])); err != nil {
		return one, err
	}
	number, err := strconv.Atoi(strings.TrimPrefix(fields[1], "#"))
	if err != nil {
		return one, err
	}
	before, known := r.connections[number]
	one = before
	one.Kind, one.SeenUntil = kind, c.ObservedAt
	if !known {
		one.ID = event.ConnectionID{byte(number)}
	}
	if !known || kind == event.Opened {
		one.OpenedAfter, one.OpenedBefore = c.PreviousAt, c.ObservedAt
	}
	for _, field := range fields[2:] {
		if err := parseField(&one, field); err != nil {
			return one, fmt.Errorf("%s: %w", field, err)
		}
	}
	settle(&one, c)
	r.connections[number] = one
	return one, nil
}

func parseField(c *event.Connection, field string) (err error) {
	name, value, _ := strings.Cut(field, "=")
	switch name {
	case "->":
	case "uid":
		var uid uint64
		uid, err = strconv.ParseUint(value, 10, 32)
		c.UID = uint32(uid)
	case "began":
		c.OpenedAfter, err = parseMoment(value)
	case "ended":
		c.ClosedAfter, err = parseMoment(value)
		c.ClosedBefore = c.ClosedAfter
	default:
		if end, err := netip.ParseAddrPort(field); err == nil {
			c.Local, c.LocalPort = c.Remote, c.RemotePort
			c.Remote, c.RemotePort = event.AddressFrom(end.Addr()), end.Port()
			return nil
		}
		err = c.State.UnmarshalText([]byte(field))
	}
	return err
}

// settle fills in what follows from the rest: what was read are the originator
// and the responder.
func settle(c *event.Connection, in *event.Changes) {
	web := event.AddressFrom(netip.MustParseAddr("10.0.0.5"))
	switch {
	case c.Kind == event.Listening || c.Kind == event.StoppedListening:
		if c.State == 0 {
			c.State, c.Local, c.LocalPort, c.Remote, c.RemotePort = event.Listen, c.Remote, c.RemotePort, event.Address{}, 0
		}
	case c.Direction != 0:
	case c.Remote == web:
		c.Direction, c.DirectionFrom = event.Inbound, event.FromListener
		c.Local, c.LocalPort, c.Remote, c.RemotePort = c.Remote, c.RemotePort, c.Local, c.LocalPort
	default:
		c.Direction, c.DirectionFrom = event.Outbound, event.FromPorts
	}
	switch c.Kind {
	case event.Attempted:
		c.State = event.SynSent
	case event.Opened:
		if c.State == 0 || c.State == event.SynSent {
			c.State = event.Established
		}
		if c.State == event.TimeWait {
			c.OpenedBefore, c.SeenUntil = c.ClosedBefore, c.ClosedBefore
		}
	case event.Closed, event.StoppedListening:
		exact := !c.ClosedBefore.IsZero()
		if !exact {
			c.ClosedAfter, c.ClosedBefore = in.PreviousAt, in.ObservedAt
		}
		c.SeenUntil = c.ClosedAfter
		switch {
		case c.Kind == event.StoppedListening:
		case exact:
			c.State, c.Reason = event.TimeWait, event.TimedWait
		default:
			c.Reason = event.ResetOrUnknown
		}
	}
}

func parseMoment(text string) (time.Time, error) {
	if !strings.Contains(text, "T") {
		text = scriptDay + "T" + text
	}
	return time.Parse("2006-01-02T15:04:05", text)
}

// describe writes what was found with a message at a time.
func describe(findings []firing.Outcome, at time.Time, remembered int) string {
	var b strings.Builder
	for i := range findings {
		f := &findings[i]
		b.WriteString(f.Rule.ID)
		if f.Rule.Parts() > 1 {
			fmt.Fprintf(&b, " (step %d)", f.Part+1)
		}
		fmt.Fprintf(&b, " on #%d", f.Connection.ID[0])
		switch least, most := f.Connection.Age(at); {
		case f.Err != nil:
			fmt.Fprintf(&b, " fails: %v", f.Err)
		case f.Suppressed != nil:
			fmt.Fprintf(&b, ", muted by %s", f.Suppressed.Owner)
		case most == event.Unbounded:
			fmt.Fprintf(&b, ", lived [%s, ?]", least)
		default:
			fmt.Fprintf(&b, ", lived [%s, %s]", least, most)
		}
		if f.By != "" {
			fmt.Fprintf(&b, ", by %s", strings.ReplaceAll(f.By, "\x00", " and "))
		}
		if f.Of != "" {
			fmt.Fprintf(&b, ", of %s", f.Of)
		}
		if f.Sum != 0 || f.Baseline != 0 {
			fmt.Fprintf(&b, ", sum %g, usual %g", f.Sum, f.Baseline)
		}
		b.WriteByte('\n')
	}
	if remembered > 0 {
		fmt.Fprintf(&b, "remembers %d\n", remembered)
	}
	return b.String()
}
