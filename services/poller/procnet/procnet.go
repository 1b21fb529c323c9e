// Package procnet reads the kernel's tables of TCP sockets as it prints them:
// the text of /proc/net/tcp and /proc/net/tcp6.
//
// It guarantees:
//   - A row is read exactly or rejected, with its line and the column at
//     fault. Nothing is ever filled in.
//   - A bad row doesn't touch its neighbours: rows, rejected lines and skipped
//     lines add up to the lines of the table.
//   - No row costs an allocation where the slice that rows are appended to is
//     large enough, and a table of nothing but bad rows costs no more than
//     [MaxDetailed] of them do.
//
// The formats are those of get_tcp4_sock, get_openreq4 and get_timewait4_sock
// in the kernel's net/ipv4/tcp_ipv4.c, and of their siblings in
// net/ipv6/tcp_ipv6.c, back to Linux 2.6.
package procnet

import (
	"bytes"
	"encoding/binary"

	"headstart/event"
)

// MaxDetailed is how many rejections a [Report] describes; further ones are
// only counted.
const MaxDetailed = 20

// Report says what became of a table's lines. Those that are neither skipped
// nor rejected became rows.
type Report struct {
	Lines    int // an unfinished last one included
	Skipped  int // headers and blank lines
	Rejected int

	// Rejections describes the first MaxDetailed rejected lines.
	Rejections []Rejection
}

// Rejection is a line that could not be read.
type Rejection struct {
	Line int // from 1
	Err  error
}

// Parse appends to rows those of a table that this host printed, in the
// table's order. A key that the table holds twice stays twice:
// [event.NormalizeSockets] chooses between them.
//
// IPv4 rows, IPv6 rows, headers and blank lines may come in any order, so
// that tables can be concatenated.
func Parse(rows []event.Socket, table []byte) ([]event.Socket, Report) {
	return parse(rows, table, binary.NativeEndian.Uint16([]byte{1, 0}) == 1)
}

// parse reads a table of a host whose byte order is little-endian or not. The
// kernel prints addresses as 32-bit integers whose bytes in memory are in
// network order, so the same address reads differently on little-endian and
// big-endian machines.
func parse(rows []event.Socket, table []byte, little bool) ([]event.Socket, Report) {
	var report Report
	for len(table) > 0 {
		report.Lines++
		rows = append(rows, event.Socket{})
		row := &rows[len(rows)-1]

		read, plain := readPlain(table, little, row)
		end := bytes.IndexByte(table[read:], '\n')
		if plain && end >= 0 {
			table = table[read+end+1:]
			continue
		}

		l := line{text: table}
		if end >= 0 {
			l = line{text: table[:read+end], finished: true}
			table = table[read+end+1:]
		} else {
			table = nil
		}
		f := l.read(little, row)
		if f.none() {
			continue
		}
		rows = rows[:len(rows)-1]
		if l.isBlank() || l.isHeader() {
			report.Skipped++
		} else {
			report.reject(f)
		}
	}
	return rows, report
}

func (r *Report) reject(f fault) {
	r.Rejected++
	if len(r.Rejections) < MaxDetailed {
		r.Rejections = append(r.Rejections, Rejection{r.Lines, f.err()})
	}
}
