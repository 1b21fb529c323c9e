package conntable_test

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"headstart/event"
)

// The notation of the scripts in testdata. A snapshot is
//
//	-- snapshot seq=1 at=14:30:00 up=1000s --
//	0.0.0.0:22                    LISTEN      inode=10
//	10.0.0.5:22   10.0.0.9:51000  ESTABLISHED inode=77 uid=33
//	10.0.0.5:443  10.0.0.8:51001  TIME_WAIT   left=42.10s
//
// with the local end first. Unless the header says otherwise it is of host
// web-01, boot b1 and run r1, every 30 s, on 5 June 2025, of a host whose own
// address is 10.0.0.5. What follows from it is
//
//	-- expect --
//	since 14:30:30: 1 open, 1 listening
//	#1 opened inbound(listener) 10.0.0.9:51000 -> 10.0.0.5:22 ESTABLISHED began (14:29:30, 14:30:00]
//	#1 closed inbound(listener) 10.0.0.9:51000 -> 10.0.0.5:22 FIN_WAIT2 began (14:29:30, 14:30:00] ended [14:31:00, 14:31:30] gone, lived [30s, 2m0s]
//
// with the snapshot before, the originator first, a number for each connection
// id, and ? for what nothing bounds; or only "stale: " and why.
const scriptDay = "2025-06-05 "

// parseSnapshot reads a snapshot's header and rows.
func parseSnapshot(header, rows string) (s *event.Snapshot, lag time.Duration, err error) {
	s = &event.Snapshot{
		Host: "web-01", BootID: "b1", Run: "r1", Interval: 30 * time.Second, Part: 1, Parts: 1,
		Addresses: []event.Address{event.AddressFrom(netip.MustParseAddr("10.0.0.5"))},
	}
	for _, field := range strings.Fields(header) {
		name, value, _ := strings.Cut(field, "=")
		switch name {
		case "host":
			s.Host = value
		case "boot":
			s.BootID = value
		case "run":
			s.Run = value
		case "seq":
			s.Sequence, err = strconv.ParseUint(value, 10, 64)
		case "at":
			day := scriptDay
			if date, clock, ok := strings.Cut(value, "T"); ok {
				day, value = date+" ", clock
			}
			s.TakenAt, err = time.Parse(time.DateTime, day+value)
		case "up":
			s.Uptime, err = time.ParseDuration(value)
		case "lag":
			lag, err = time.ParseDuration(value)
		case "ports":
			_, err = fmt.Sscanf(value, "%d-%d", &s.EphemeralLow, &s.EphemeralHigh)
		default:
			err = fmt.Errorf("no such field")
		}
		if err != nil {
			return nil, 0, fmt.Errorf("snapshot %s: %s: %w", header, field, err)
		}
	}
	for line := range strings.Lines(rows) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		row, err := parseRow(line)
		if err != nil {
			return nil, 0, fmt.Errorf("snapshot %s: row %q: %w", header, line, err)
		}
		s.Sockets = append(s.Sockets, row)
	}
	s.Sockets = event.NormalizeSockets(s.Sockets)
	return s, lag, nil
}

func parseRow(line string) (row event.Socket, err error) {
	fields := strings.Fields(line)
	local, err := netip.ParseAddrPort(fields[0])
	if err != nil {
		return row, err
	}
	row.Local, row.LocalPort = event.AddressFrom(local.Addr()), local.Port()
	fields = fields[1:]
	if remote, err := netip.ParseAddrPort(fields[0]); err == nil {
		row.Remote, row.RemotePort = event.AddressFrom(remote.Addr()), remote.Port()
		fields = fields[1:]
	} else if local.Addr().Is4() {
		row.Remote = event.AddressFrom4(0)
	}
	if err := row.State.UnmarshalText([]byte(fields[0])); err != nil {
		return row, err
	}
	for _, field := range fields[1:] {
		name, value, _ := strings.Cut(field, "=")
		switch name {
		case "inode":
			row.Inode, err = strconv.ParseUint(value, 10, 64)
		case "uid":
			var uid uint64
			uid, err = strconv.ParseUint(value, 10, 32)
			row.UID = uint32(uid)
		case "retransmits":
			var n uint64
			n, err = strconv.ParseUint(value, 10, 8)
			row.Retransmits = uint8(n)
		case "left":
			var left time.Duration
			left, err = time.ParseDuration(value)
			row.Timer, row.Remaining = event.TimerTimeWait, uint32(left/(10*time.Millisecond))
		default:
			err = fmt.Errorf("no such field")
		}
		if err != nil {
			return row, fmt.Errorf("%s: %w", field, err)
		}
	}
	return row, nil
}

// printer writes changes. It numbers connections in the order in which they
// are first mentioned.
type printer struct {
	numbers map[event.ConnectionID]int
}

func (p *printer) changes(c *event.Changes) string {
	var b strings.Builder
	if c.PreviousAt.IsZero() {
		b.WriteString("first: ")
	} else {
		fmt.Fprintf(&b, "since %s: ", moment(c.PreviousAt))
	}
	fmt.Fprintf(&b, "%d open, %d listening", c.Open, c.Listening)
	if c.Missed > 0 {
		fmt.Fprintf(&b, ", %d missed", c.Missed)
	}
	if c.ClockOffset != 0 {
		fmt.Fprintf(&b, ", clock offset %s", c.ClockOffset)
	}
	b.WriteByte('\n')
	for i := range c.Connections {
		p.connection(&b, &c.Connections[i], c.ObservedAt)
	}
	return b.String()
}

func (p *printer) connection(b *strings.Builder, c *event.Connection, at time.Time) {
	n, known := p.numbers[c.ID]
	if !known {
		n = len(p.numbers) + 1
		p.numbers[c.ID] = n
	}
	local := netip.AddrPortFrom(c.Local.Netip(), c.LocalPort)
	fmt.Fprintf(b, "#%d %s ", n, c.Kind)
	switch remote := netip.AddrPortFrom(c.Remote.Netip(), c.RemotePort); c.Direction {
	case event.Inbound:
		fmt.Fprintf(b, "%s(%s) %s -> %s %s", c.Direction, c.DirectionFrom, remote, local, c.State)
	case event.Outbound:
		fmt.Fprintf(b, "%s(%s) %s -> %s %s", c.Direction, c.DirectionFrom, local, remote, c.State)
	default:
		fmt.Fprintf(b, "%s", local)
	}
	if c.Retransmits > 0 {
		fmt.Fprintf(b, " retransmits=%d", c.Retransmits)
	}
	fmt.Fprintf(b, " began (%s, %s]", moment(c.OpenedAfter), moment(c.OpenedBefore))
	switch {
	case c.ClosedBefore.IsZero():
	case c.ClosedAfter.Equal(c.ClosedBefore):
		fmt.Fprintf(b, " ended %s", moment(c.ClosedBefore))
	default:
		fmt.Fprintf(b, " ended [%s, %s]", moment(c.ClosedAfter), moment(c.ClosedBefore))
	}
	if c.Kind == event.Closed {
		fmt.Fprintf(b, " %s, lived %s", c.Reason, lived(c, at))
	}
	b.WriteByte('\n')
}

func lived(c *event.Connection, at time.Time) string {
	least, most := c.Age(at)
	if most == event.Unbounded {
		return fmt.Sprintf("[%s, ?]", least)
	}
	return fmt.Sprintf("[%s, %s]", least, most)
}

// moment prints a time of the script's day without its date.
func moment(t time.Time) string {
	if t.IsZero() {
		return "?"
	}
	return strings.TrimPrefix(t.Format("2006-01-02 15:04:05.999999999"), scriptDay)
}
