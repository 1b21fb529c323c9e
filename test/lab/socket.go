package lab

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"headstart/event"
)

// Socket is a row of a host's table as the kernel shows it. It is read here
// without the product's parser, so that tests of the product have something to
// compare with.
type Socket struct {
	File          string // tcp or tcp6
	Local, Remote netip.AddrPort
	State         event.State
	Timer         event.Timer
	Remaining     time.Duration
	Retransmits   uint8
	UID           uint32
	Inode         uint64
}

// Sockets reads the host's /proc/net/tcp and tcp6.
func (h *Host) Sockets() ([]Socket, error) {
	var all []Socket
	for _, name := range []string{"tcp", "tcp6"} {
		var file *os.File
		err := h.Do(func() (err error) {
			file, err = os.Open("/proc/thread-self/net/" + name)
			return err
		})
		if err != nil {
			return nil, err
		}
		rows, err := readTable(name, file)
		file.Close()
		if err != nil {
			return nil, fmt.Errorf("host %s: %w", h.Name, err)
		}
		all = append(all, rows...)
	}
	return all, nil
}

const awaitEvery = 5 * time.Millisecond

// Await reads the host's table until it is as wanted and returns it. It ends
// the test with the last table when that takes longer than within; call it on
// the test's own goroutine.
func (h *Host) Await(within time.Duration, want string, holds func([]Socket) bool) []Socket {
	h.t.Helper()
	deadline := time.After(within)
	tick := time.NewTicker(awaitEvery)
	defer tick.Stop()
	for {
		rows, err := h.Sockets()
		if err != nil {
			h.t.Fatal(err)
		}
		if holds(rows) {
			return rows
		}
		select {
		case <-tick.C:
		case <-deadline:
			var table strings.Builder
			for _, s := range rows {
				fmt.Fprintf(&table, "\n%+v", s)
			}
			h.t.Fatalf("host %s: after %s its table doesn't show %s:%s", h.Name, within, want, &table)
		}
	}
}

func readTable(name string, r io.Reader) ([]Socket, error) {
	var rows []Socket
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		if n == 1 {
			continue
		}
		row, err := parseRow(strings.Fields(lines.Text()))
		if err != nil {
			return nil, fmt.Errorf("parse net/%s line %d: %w", name, n, err)
		}
		row.File = name
		rows = append(rows, row)
	}
	return rows, lines.Err()
}

// parseRow reads the columns that Documentation/networking/proc_net_tcp.rst
// names.
func parseRow(columns []string) (Socket, error) {
	if len(columns) < 10 {
		return Socket{}, fmt.Errorf("%d columns, want 10 or more", len(columns))
	}
	local, err := parseEnd(columns[1])
	if err != nil {
		return Socket{}, err
	}
	remote, err := parseEnd(columns[2])
	if err != nil {
		return Socket{}, err
	}
	timer, remaining, _ := strings.Cut(columns[5], ":")
	var failed error
	number := func(text string, base int) uint64 {
		v, err := strconv.ParseUint(text, base, 64)
		if err != nil && failed == nil {
			failed = err
		}
		return v
	}
	s := Socket{
		Local:       local,
		Remote:      remote,
		State:       event.State(number(columns[3], 16)),
		Timer:       event.Timer(number(timer, 16)),
		Remaining:   time.Duration(number(remaining, 16)) * 10 * time.Millisecond,
		Retransmits: uint8(number(columns[6], 16)),
		UID:         uint32(number(columns[7], 10)),
		Inode:       number(columns[9], 10),
	}
	return s, failed
}

// parseEnd reads an address, words of 32 bits in the machine's byte order, and
// a port.
func parseEnd(text string) (netip.AddrPort, error) {
	words, portText, _ := strings.Cut(text, ":")
	raw, err := hex.DecodeString(words)
	if err != nil || len(raw) != 4 && len(raw) != 16 {
		return netip.AddrPort{}, fmt.Errorf("address %q: want 8 or 32 hexadecimal digits", words)
	}
	for word := raw; len(word) > 0; word = word[4:] {
		binary.NativeEndian.PutUint32(word, binary.BigEndian.Uint32(word))
	}
	address, _ := netip.AddrFromSlice(raw)
	port, err := strconv.ParseUint(portText, 16, 16)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("port %q: %w", portText, err)
	}
	return netip.AddrPortFrom(address.Unmap(), uint16(port)), nil
}
