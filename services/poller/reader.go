package poller

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"headstart/event"
	"headstart/services/poller/procnet"

	"golang.org/x/sys/unix"
)

// tableReader reads the tables of one host. It reuses its buffer and is not safe
// for concurrent use.
type tableReader struct {
	proc   string
	bootID string
	low    uint16
	high   uint16
	buffer []byte
}

// fileRejection is a row that could not be read.
type fileRejection struct {
	File string // below the proc directory
	procnet.Rejection
}

// openReader reads what doesn't change while a host runs.
func openReader(o Options) (*tableReader, error) {
	r := &tableReader{proc: o.Proc}
	boot, err := os.ReadFile(filepath.Join(o.Proc, "sys/kernel/random/boot_id"))
	if err != nil {
		return nil, fmt.Errorf("read boot id: %w: check --proc", err)
	}
	if r.bootID = strings.TrimSpace(string(boot)); r.bootID == "" || len(r.bootID) > event.MaxName {
		return nil, fmt.Errorf("boot id of %d bytes", len(r.bootID))
	}
	r.readPortRange()
	return r, nil
}

// readPortRange leaves the range zero if it can't be read. The tracker then
// assumes the default of Linux.
func (r *tableReader) readPortRange() {
	text, err := os.ReadFile(filepath.Join(r.proc, "sys/net/ipv4/ip_local_port_range"))
	if err != nil {
		return
	}
	var low, high uint16
	if n, err := fmt.Sscan(string(text), &low, &high); n == 2 && err == nil && low <= high {
		r.low, r.high = low, high
	}
}

// maxTable bounds the file of a table: 150 bytes a row, more than a million rows.
const maxTable = 256 << 20

// Read reads both tables into a snapshot: its time, addresses and sockets,
// sorted, each key once. A kernel without IPv6 has no tcp6.
func (r *tableReader) Read(s *event.Snapshot) ([]fileRejection, error) {
	s.TakenAt = time.Now().UTC()
	s.EphemeralLow, s.EphemeralHigh = r.low, r.high
	s.Addresses = ownAddresses(s.Addresses[:0])
	s.Sockets, s.Rejected = s.Sockets[:0], 0
	uptime, err := bootTime()
	if err != nil {
		return nil, err
	}
	s.Uptime = uptime
	var rejections []fileRejection
	largest := 0
	for _, file := range []string{"net/tcp", "net/tcp6"} {
		err := r.readFile(file)
		if file == "net/tcp6" && errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return nil, err
		}
		largest = max(largest, len(r.buffer))
		var report procnet.Report
		s.Sockets, report = procnet.Parse(s.Sockets, r.buffer)
		s.Rejected += uint32(report.Rejected)
		for _, rejection := range report.Rejections {
			rejections = append(rejections, fileRejection{file, rejection})
		}
	}
	s.Sockets = event.NormalizeSockets(s.Sockets)
	if cap(r.buffer) > keptBuffer && largest < cap(r.buffer)/8 {
		r.buffer = nil
	}
	if cap(s.Sockets) > keptRows && len(s.Sockets) < cap(s.Sockets)/8 {
		s.Sockets = append([]event.Socket(nil), s.Sockets...)
	}
	return rejections, nil
}

// Buffers up to these sizes are kept between snapshots. Larger ones are released
// when the tables have shrunk to an eighth.
const (
	keptBuffer = 1 << 20 // bytes
	keptRows   = 1 << 13
)

// readFile reads a file into the buffer. The kernel returns about a page a read.
func (r *tableReader) readFile(name string) error {
	f, err := os.Open(filepath.Join(r.proc, name))
	if err != nil {
		return err
	}
	defer f.Close()
	buffer := bytes.NewBuffer(r.buffer[:0])
	n, err := buffer.ReadFrom(io.LimitReader(f, maxTable+1))
	r.buffer = buffer.Bytes()
	if err != nil {
		return fmt.Errorf("read %s: %w", f.Name(), err)
	}
	if n > maxTable {
		return fmt.Errorf("read %s: more than %d bytes", f.Name(), maxTable)
	}
	return nil
}

// bootTime returns the time since the machine was started, suspended time
// included.
func bootTime() (time.Duration, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return 0, fmt.Errorf("read time since boot: %w", err)
	}
	return time.Duration(t.Nano()), nil
}

// ownAddresses appends the addresses at which other hosts can reach the host: no
// loopback, no link-local ones.
func ownAddresses(to []event.Address) []event.Address {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return to
	}
	for _, a := range all {
		prefix, err := netip.ParsePrefix(a.String())
		if err != nil {
			continue
		}
		ip := prefix.Addr().Unmap()
		if !ip.IsLoopback() && !ip.IsLinkLocalUnicast() && len(to) < event.MaxAddresses {
			to = append(to, event.AddressFrom(ip))
		}
	}
	slices.SortFunc(to, event.Address.Compare)
	return slices.Compact(to)
}
