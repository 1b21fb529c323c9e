package procnet_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"headstart/services/poller/procnet"
)

func FuzzParse(f *testing.F) {
	for _, name := range []string{"tcp", "tcp6"} {
		table := capture(f, name)
		f.Add(table, false)
		f.Add(bytes.ReplaceAll(table, []byte("\n"), []byte("\r\n")), true)
		f.Add(table[:len(table)-70], false)
	}
	f.Add([]byte("\n\x00\n"+header6+"\n  0: "), true)
	f.Add(busyTable(3, true), true)

	f.Fuzz(func(t *testing.T, table []byte, big bool) {
		var order binary.ByteOrder = binary.LittleEndian
		if big {
			order = binary.BigEndian
		}
		rows, report := procnet.ParseOrder(nil, table, order)

		lines := bytes.Count(table, []byte("\n"))
		if len(table) > 0 && table[len(table)-1] != '\n' {
			lines++
		}
		if report.Lines != lines || len(rows)+report.Skipped+report.Rejected != lines {
			t.Errorf("%d rows and %+v of %d lines", len(rows), report, lines)
		}
		if len(report.Rejections) != min(report.Rejected, procnet.MaxDetailed) {
			t.Errorf("%d of %d rejections described", len(report.Rejections), report.Rejected)
		}
		for _, r := range report.Rejections {
			if r.Line < 1 || r.Line > lines || r.Err == nil || len(r.Err.Error()) > 500 {
				t.Errorf("rejection of line %d: %v", r.Line, r.Err)
			}
		}
		for i, r := range rows {
			if !r.State.Valid() || !r.Timer.Valid() {
				t.Errorf("row %d: %+v", i, r)
			}
		}

		again, report := procnet.ParseOrder(nil, render(rows, order), order)
		if !slices.Equal(again, rows) || report.Rejected+report.Skipped != 0 {
			t.Errorf("printed and read again:\n%v\n%v\n%+v", rows, again, report)
		}

		// The shortcut for the kernel's own spacing takes no row with tabs.
		tabbed, _ := procnet.ParseOrder(nil, bytes.ReplaceAll(table, []byte(" "), []byte("\t")), order)
		if !slices.Equal(tabbed, rows) {
			t.Errorf("with tabs for spaces:\n%v\nwith spaces:\n%v", tabbed, rows)
		}
	})
}
