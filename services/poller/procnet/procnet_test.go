package procnet_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"headstart/event"
	"headstart/services/poller/procnet"
)

// The tables in testdata were printed by Linux 6.18 on a little-endian
// machine; the golden files next to them were decoded by other code and
// compared with what ss printed of the same sockets.
func TestParseReadsKernelTables(t *testing.T) {
	for _, name := range []string{"tcp", "tcp6"} {
		t.Run(name, func(t *testing.T) {
			table := capture(t, name)
			want := strings.Split(strings.TrimSpace(string(capture(t, name+".golden"))), "\n")

			rows, report := procnet.ParseOrder(nil, table, binary.LittleEndian)

			if got := describe(rows); !slices.Equal(got, want) {
				t.Errorf("rows:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			checkReport(t, report, procnet.Report{Lines: len(want) + 1, Skipped: 1})
		})
	}
}

func TestParseByteOrder(t *testing.T) {
	for _, test := range []struct {
		name    string
		order   binary.ByteOrder
		address string
		want    string
	}{
		{"little-endian IPv4", binary.LittleEndian, "0500010A", "10.1.0.5"},
		{"big-endian IPv4", binary.BigEndian, "0A010005", "10.1.0.5"},
		{"little-endian IPv6", binary.LittleEndian, "B80D0120000001000000000005000000", "2001:db8:1::5"},
		{"big-endian IPv6", binary.BigEndian, "20010DB8000100000000000000000005", "2001:db8:1::5"},
		{"little-endian mapped IPv4", binary.LittleEndian, "0000000000000000FFFF00000500010A", "10.1.0.5"},
		{"big-endian mapped IPv4", binary.BigEndian, "00000000000000000000FFFF0A010005", "10.1.0.5"},
	} {
		t.Run(test.name, func(t *testing.T) {
			// The second line is spaced as no kernel does it.
			row := fmt.Sprintf(socketRow, test.address, test.address)
			table := row + strings.Replace(row, " 01 ", "  01 ", 1)
			rows, report := procnet.ParseOrder(nil, []byte(table), test.order)
			checkReport(t, report, procnet.Report{Lines: 2})
			if len(rows) != 2 {
				t.Fatalf("%d rows, want 2", len(rows))
			}
			for _, r := range rows {
				if r.Local.String() != test.want || r.Remote.String() != test.want || r.LocalPort != 22 {
					t.Errorf("%v port %d to %v, want %s port 22", r.Local, r.LocalPort, r.Remote, test.want)
				}
			}
		})
	}

	t.Run("of this host by default", func(t *testing.T) {
		table := busyTable(10, true)
		got, _ := procnet.Parse(nil, table)
		want, _ := procnet.ParseOrder(nil, table, binary.NativeEndian)
		if !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	})
}

// socketRow takes a local and a remote address.
const socketRow = "   0: %s:0016 %s:9C40 01 00000000:00000000 00:00000000 00000000  1000        0 2740 1 000000002cc4559e 20 4 30 10 -1\n"

func TestParseAcceptsARow(t *testing.T) {
	const endpoints = "0100007F:1F90 0100007F:C350"
	for _, test := range []struct{ name, line, want string }{
		{
			"of a whole socket",
			"   0: " + endpoints + " 01 00000000:00000000 00:00000000 00000000  1000        0 2740 1 000000002cc4559e 20 4 30 10 -1",
			"ESTABLISHED timer=off remaining=0 retransmits=0 uid=1000 inode=2740",
		},
		{
			"in TIME_WAIT with 12 columns",
			"   1: " + endpoints + " 06 00000000:00000000 03:00001770 00000000     0        0 0 3 000000002cc4559e",
			"TIME_WAIT timer=time-wait remaining=6000 retransmits=0 uid=0 inode=0",
		},
		{
			"in SYN_RECV with 12 columns",
			"   1: " + endpoints + " 03 00000000:00000000 01:0000004B 00000002    33        0 0 0 000000002cc4559e",
			"SYN_RECV timer=retransmit remaining=75 retransmits=2 uid=33 inode=0",
		},
		{
			"with data in its queues",
			"   0: " + endpoints + " 01 002AC800:00001000 04:000001B0 00000003  1000        5 2740 2 000000002cc4559e 20 4 30 10 -1",
			"ESTABLISHED timer=probe remaining=432 retransmits=3 uid=1000 inode=2740",
		},
		{
			"with a slot of many digits",
			"131072: " + endpoints + " 08 00000000:00000000 02:000AFC7B 00000000  1000        0 2740 1 000000002cc4559e 20 4 30 10 -1",
			"CLOSE_WAIT timer=keepalive remaining=719995 retransmits=0 uid=1000 inode=2740",
		},
		{
			"with the largest numbers",
			"   0: " + endpoints + " 0C FFFFFFFF:FFFFFFFF 04:FFFFFFFF 000000FF 4294967295 4294967295 18446744073709551615 1 000000002cc4559e 20 4 30 10 -1",
			"NEW_SYN_RECV timer=probe remaining=4294967295 retransmits=255 uid=4294967295 inode=18446744073709551615",
		},
		{
			"with an expired timer as old kernels print it",
			"   0: " + endpoints + " 02 00000001:00000000 01:1999999999999998 00000002  1000        0 2740 2 ffff88003d3af3c0 300 0 0 2 -1",
			"SYN_SENT timer=retransmit remaining=0 retransmits=2 uid=1000 inode=2740",
		},
		{
			"padded to 150 columns",
			"   0: " + endpoints + " 01 00000000:00000000 00:00000000 00000000  1000        0 2740 1 000000002cc4559e 20 4 30 10 -1" + strings.Repeat(" ", 28),
			"ESTABLISHED timer=off remaining=0 retransmits=0 uid=1000 inode=2740",
		},
		{
			"without what follows the inode",
			"   0: " + endpoints + " 01 00000000:00000000 00:00000000 00000000  1000        0 2740",
			"ESTABLISHED timer=off remaining=0 retransmits=0 uid=1000 inode=2740",
		},
		{
			"with a hidden pointer",
			"   0: " + endpoints + " 01 00000000:00000000 00:00000000 00000000  1000        0 2740 1 (____ptrval____) 20 4 30 10 -1",
			"ESTABLISHED timer=off remaining=0 retransmits=0 uid=1000 inode=2740",
		},
		{
			"in lower case with tabs and a carriage return",
			"0:\t0100007f:1f90\t0100007f:c350\t0b\t00000000:00000000\t00:00000000\t00000000\t1000\t0\t2740\r",
			"CLOSING timer=off remaining=0 retransmits=0 uid=1000 inode=2740",
		},
		{
			"that is very long",
			"   0: " + endpoints + " 01 00000000:00000000 00:00000000 00000000  1000        0 2740 1 " + strings.Repeat("x ", 1<<16),
			"ESTABLISHED timer=off remaining=0 retransmits=0 uid=1000 inode=2740",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			rows, report := procnet.ParseOrder(nil, []byte(test.line+"\n"), binary.LittleEndian)
			checkReport(t, report, procnet.Report{Lines: 1})
			if got, want := describe(rows), []string{"127.0.0.1:8080 127.0.0.1:50000 " + test.want}; !slices.Equal(got, want) {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}

	t.Run("in any state", func(t *testing.T) {
		for state := event.Established; state.Valid(); state++ {
			line := fmt.Sprintf("   0: %s %02X 00000000:00000000 00:00000000 00000000  1000        0 2740 1 000000002cc4559e 20 4 30 10 -1\n", endpoints, uint8(state))
			rows, report := procnet.Parse(nil, []byte(line))
			if len(rows) != 1 || rows[0].State != state {
				t.Errorf("%v: %v, %+v", state, rows, report)
			}
		}
	})
}

func TestParseRejectsARow(t *testing.T) {
	const good = "0: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000 1000 0 2740 1 000000002cc4559e 20 4 30 10 -1"
	for _, test := range []struct{ name, old, new, want string }{
		{"slot without a number", "0: ", "x: ", `column sl: "x:" is not a decimal number and a colon`},
		{"slot without a colon", "0: ", "0 ", `column sl: "0" is not`},
		{"local address too short", " 0100007F:1F90", " 100007F:1F90", `column local_address: "100007F:1F90" is not`},
		{"local address not hexadecimal", " 0100007F:1F90", " 0100007G:1F90", `column local_address: "0100007G:1F90" is not`},
		{"local address of 16 digits", " 0100007F:1F90", " 0100007F0100007F:1F90", `column local_address: "0100007F0100007F:1F90" is not`},
		{"local port too long", ":1F90", ":1F901", `column local_address: "0100007F:1F901" is not`},
		{"local port with a sign", ":1F90", ":+F90", `column local_address: "0100007F:+F90" is not`},
		{"remote address of the other family", "0100007F:C350", strings.Repeat("0", 32) + ":C350", `column rem_address: "00000000000000000000000000000000" is not`},
		{"remote port missing", ":C350", ":", `column rem_address: "0100007F:" is not`},
		{"state 00", " 01 ", " 00 ", `column st: "00" is not a TCP state, 01 to 0C`},
		{"state 0D", " 01 ", " 0D ", `column st: "0D" is not`},
		{"state :", " 01 ", " 0: ", `column st: "0:" is not`},
		{"state 11", " 01 ", " 11 ", `column st: "11" is not`},
		{"queues without a colon", "00000000:00000000 00:", "00000000 00000000 00:", `column tx_queue:rx_queue: "00000000" is not`},
		{"queues not hexadecimal", "00000000:00000000 00:", "00000000:0000000Z 00:", `column tx_queue:rx_queue: "00000000:0000000Z" is not`},
		{"timer of no kind", " 00:00000000 ", " 05:00000000 ", `column tr:tm->when: "05:00000000" is not`},
		{"timer of a kind above 9", " 00:00000000 ", " 10:00000000 ", `column tr:tm->when: "10:00000000" is not`},
		{"timer too short", " 00:00000000 ", " 00:0000000 ", `column tr:tm->when: "00:0000000" is not`},
		{"timer too long", " 00:00000000 ", " 00:00000000000000000 ", `column tr:tm->when: "00:00000000000000000" is not`},
		{"more than 255 retransmits", " 00000000 1000", " 00000100 1000", `column retrnsmt: "00000100" is not`},
		{"negative uid", " 1000 ", " -1 ", `column uid: "-1" is not`},
		{"uid of 33 bits", " 1000 ", " 4294967296 ", `column uid: "4294967296" is not`},
		{"timeout not a number", " 1000 0 ", " 1000 0x ", `column timeout: "0x" is not`},
		{"inode of 65 bits", " 2740 ", " 18446744073709551616 ", `column inode: "18446744073709551616" is not`},
		{"inode not a number", " 2740 ", " 27:0 ", `column inode: "27:0" is not`},
		{"references not a number", " 2740 1 ", " 2740 sl ", `column ref: "sl" is not a decimal number`},
		{"zero byte in a number", " 2740 ", " 27\x000 ", `column inode: "27\x000" is not`},
		{"zero byte in an address", "0100007F:1F90", "0100\x0007F:1F90", `column local_address: "0100\x0007F:1F90" is not`},
		{"nothing but zero bytes", good, strings.Repeat("\x00", 150), `column sl: "\x00\x00`},
		{"words", good, "Permission denied", `column sl: "Permission" is not`},
		{"a megabyte without a space", good, strings.Repeat("7", 1<<20), `column sl: "77777777777777777777777777777777" is not`},
	} {
		t.Run(test.name, func(t *testing.T) {
			bad := strings.Replace(good, test.old, test.new, 1)
			table := good + "\n" + bad + "\n" + good + "\n"
			rows, report := procnet.Parse(nil, []byte(table))
			if len(rows) != 2 || report.Lines != 3 || report.Rejected != 1 || len(report.Rejections) != 1 {
				t.Fatalf("%d rows, %+v, want the second of 3 lines rejected", len(rows), report)
			}
			got := report.Rejections[0]
			if got.Line != 2 || !strings.HasPrefix(got.Err.Error(), test.want) || errors.Is(got.Err, procnet.ErrCut) {
				t.Errorf("line %d: %v\nwant line 2: %s", got.Line, got.Err, test.want)
			}
		})
	}
}

func TestParseRejectsACutRow(t *testing.T) {
	table := capture(t, "tcp")
	const header = 150
	rowIn := func(state string) []byte {
		start := bytes.Index(table, []byte(state)) / header * header
		return slices.Concat(table[:header], table[start:start+header])
	}
	socket, stub, orphan := rowIn(" 0A "), rowIn(" 06 "), rowIn(" 05 ")

	for _, test := range []struct {
		name    string
		table   []byte
		columns int // with which the row is whole
	}{
		{"of a whole socket", socket, 17},
		{"in TIME_WAIT", stub, 12},
		{"in orphaned FIN_WAIT2", orphan, 12},
	} {
		t.Run(test.name, func(t *testing.T) {
			for size := header + 1; size < len(test.table); size++ {
				cut := test.table[:size]
				if len(bytes.TrimSpace(cut[header:])) == 0 {
					continue
				}
				rows, report := procnet.Parse(nil, cut)
				if len(bytes.Fields(cut[header:])) >= test.columns {
					if len(rows) != 1 {
						t.Errorf("%q is rejected: %+v", cut[header:], report.Rejections)
					}
					continue
				}
				if len(rows) != 0 || report.Rejected != 1 || report.Rejections[0].Line != 2 || !errors.Is(report.Rejections[0].Err, procnet.ErrCut) {
					t.Errorf("%q: rows %v, %+v, want line 2 cut off", cut[header:], rows, report)
				}
			}
		})
	}

	for _, test := range []struct{ name, line, want string }{
		{"says in which column", "   0: 0100007F:1F90 0100007F:C3", `row is cut off in column rem_address: "0100007F:C3"`},
		{"says before which column", "   0: 0100007F:1F90 ", `row is cut off before column rem_address`},
		{"doesn't trust the inode", "   0: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 27", `row is cut off before column ref`},
		{"doesn't trust a row without its end", "   0: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 2740 1 0000", `row is cut off after column ref`},
		{"says so of a line that has an end", "   0: 0100007F:1F90 0100007F:C3\n", `row is cut off in column rem_address: "0100007F:C3"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, report := procnet.Parse(nil, []byte(test.line))
			if report.Rejected != 1 || report.Rejections[0].Err.Error() != test.want {
				t.Errorf("%+v, want %s", report, test.want)
			}
		})
	}
}

func TestParseOfSeveralTables(t *testing.T) {
	tcp, tcp6 := capture(t, "tcp"), capture(t, "tcp6")
	rows4, _ := procnet.Parse(nil, tcp)
	rows6, _ := procnet.Parse(nil, tcp6)

	t.Run("keeps every row of all, duplicates too", func(t *testing.T) {
		rows, report := procnet.Parse(nil, slices.Concat(tcp, tcp6, tcp, tcp6))
		if want := slices.Concat(rows4, rows6, rows4, rows6); !slices.Equal(rows, want) {
			t.Errorf("%d rows, want %d in the order of the tables", len(rows), len(want))
		}
		checkReport(t, report, procnet.Report{Lines: 2*(len(rows4)+len(rows6)) + 4, Skipped: 4})
	})

	t.Run("rejects a row that a header is glued to", func(t *testing.T) {
		want := slices.Concat(rows4[:len(rows4)-1], rows6)
		inodeEnd := bytes.LastIndex(tcp, []byte(" 60396 ")) + len(" 60396")
		for cut := len(tcp) - 147; cut <= inodeEnd; cut++ {
			rows, report := procnet.Parse(nil, slices.Concat(tcp[:cut], tcp6))
			if !slices.Equal(rows, want) || report.Rejected != 1 || report.Rejections[0].Line != len(rows4)+1 {
				t.Errorf("cut to %q: %d rows, want %d; %+v, want line %d rejected",
					tcp[len(tcp)-150:cut], len(rows), len(want), report, len(rows4)+1)
			}
		}
	})

	t.Run("appends", func(t *testing.T) {
		rows, _ := procnet.Parse(nil, tcp)
		rows, _ = procnet.Parse(rows, tcp6)
		if want := slices.Concat(rows4, rows6); !slices.Equal(rows, want) {
			t.Errorf("%d rows, want %d", len(rows), len(want))
		}
	})
}

func TestParseSkips(t *testing.T) {
	for _, test := range []struct{ name, line string }{
		{"the header of tcp", header4},
		{"the header of tcp6", header6},
		{"a padded header", fmt.Sprintf("%-149s", header4)},
		{"a header that is not indented", strings.TrimSpace(header4)},
		{"a header of fewer columns", "sl local_address rem_address st"},
		{"a header of more columns", header4 + " ref pointer drops"},
		{"a header without the slot", "local_address remote_address st"},
		{"a header with tabs and a carriage return", "sl\tlocal_address\trem_address\r"},
		{"an empty line", ""},
		{"a carriage return", "\r"},
		{"spaces", "   \t "},
	} {
		t.Run(test.name, func(t *testing.T) {
			row := fmt.Sprintf(socketRow, "0100007F", "0100007F")
			rows, report := procnet.Parse(nil, []byte(row+test.line+"\n"+row))
			if len(rows) != 2 {
				t.Errorf("%d rows, want 2", len(rows))
			}
			checkReport(t, report, procnet.Report{Lines: 3, Skipped: 1})
		})
	}

	t.Run("nothing in an empty table", func(t *testing.T) {
		rows, report := procnet.Parse(nil, nil)
		if len(rows) != 0 {
			t.Errorf("%d rows", len(rows))
		}
		checkReport(t, report, procnet.Report{})
	})

	t.Run("no header where there is none", func(t *testing.T) {
		_, table, _ := bytes.Cut(busyTable(100, false), []byte("\n"))
		rows, report := procnet.Parse(nil, table)
		if len(rows) != 100 {
			t.Errorf("%d rows, want 100", len(rows))
		}
		checkReport(t, report, procnet.Report{Lines: 100})
	})
}

func TestParseBoundsTheCostOfAHostileTable(t *testing.T) {
	const lines = 100_000
	table := bytes.Repeat([]byte("x\n"), lines)
	rows := make([]event.Socket, 0, 1)
	var report procnet.Report

	allocations := testing.AllocsPerRun(1, func() { rows, report = procnet.Parse(rows, table) })

	if report.Lines != lines || report.Rejected != lines || len(report.Rejections) != procnet.MaxDetailed {
		t.Errorf("%d lines, %d rejected, %d in detail, want %d, %d, %d",
			report.Lines, report.Rejected, len(report.Rejections), lines, lines, procnet.MaxDetailed)
	}
	if len(rows) != 0 || cap(rows) != 1 {
		t.Errorf("%d rows in room for %d", len(rows), cap(rows))
	}
	if most := 20.0 * procnet.MaxDetailed; allocations > most {
		t.Errorf("%v allocations, more than %v", allocations, most)
	}
}

func TestParseDoesNotAllocateWithinCapacity(t *testing.T) {
	const n = 1000
	rows := make([]event.Socket, 0, 2*n)
	spaced := bytes.ReplaceAll(busyTable(n, true), []byte(" "), []byte("  "))
	for name, table := range map[string][]byte{"tcp": busyTable(n, false), "tcp6": busyTable(n, true), "spaced": spaced} {
		// The average hides what the runtime allocates once in a while.
		allocations := testing.AllocsPerRun(20, func() {
			if got, report := procnet.Parse(rows[:0], table); len(got) != n {
				t.Errorf("%s: %d rows, %+v", name, len(got), report)
			}
		})
		if allocations != 0 {
			t.Errorf("%s: %v allocations", name, allocations)
		}
	}
}

func capture(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func describe(rows []event.Socket) (lines []string) {
	for _, r := range rows {
		lines = append(lines, fmt.Sprintf("%s %s %v timer=%v remaining=%d retransmits=%d uid=%d inode=%d",
			endpoint(r.Local, r.LocalPort), endpoint(r.Remote, r.RemotePort), r.State, r.Timer, r.Remaining, r.Retransmits, r.UID, r.Inode))
	}
	return lines
}

func endpoint(a event.Address, port uint16) string {
	if a.Is4() {
		return fmt.Sprintf("%v:%d", a, port)
	}
	return fmt.Sprintf("[%v]:%d", a, port)
}

func checkReport(t *testing.T, got, want procnet.Report) {
	t.Helper()
	if got.Lines != want.Lines || got.Skipped != want.Skipped || got.Rejected != want.Rejected || len(got.Rejections) != len(want.Rejections) {
		t.Errorf("report %+v, want %+v", got, want)
	}
}
