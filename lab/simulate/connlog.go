package simulate

import (
	"bufio"
	"io"
	"strconv"
)

// WriteLog writes conn.log as Zeek writes it with json_streaming_logs off and
// LogAscii::use_json on: one JSON object per line, times in seconds since 1970.
func (s *Simulation) WriteLog(w io.Writer) error {
	c := s.company
	out := bufio.NewWriterSize(w, 1<<20)
	id := newRandom(c.options.Seed, "uid")
	line := make([]byte, 0, 1024)
	rows := newSensor(c.options).watch(c.rows, newRandom(c.options.Seed, "pieces"))
	for k := range rows {
		line = c.appendRow(line[:0], &rows[k], id)
		if _, err := out.Write(line); err != nil {
			return err
		}
	}
	return out.Flush()
}

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

func (c *company) appendRow(b []byte, row *connection, id random) []byte {
	b = append(b, `{"ts":`...)
	b = appendSeconds(b, c.calendar.start.UnixMicro()+row.at.Microseconds())
	b = append(b, `,"uid":"C`...)
	for x, n := id.Uint64(), 0; n < 10; n++ {
		b, x = append(b, base62[x%62]), x/62
	}
	for x, n := id.Uint64(), 0; n < 7; n++ {
		b, x = append(b, base62[x%62]), x/62
	}
	b = append(b, `","id.orig_h":"`...)
	b = row.source.AppendTo(b)
	b = append(b, `","id.orig_p":`...)
	b = strconv.AppendUint(b, uint64(row.sourcePort), 10)
	b = append(b, `,"id.resp_h":"`...)
	b = row.destination.AppendTo(b)
	b = append(b, `","id.resp_p":`...)
	b = strconv.AppendUint(b, uint64(row.port), 10)
	if row.udp {
		b = append(b, `,"proto":"udp"`...)
	} else {
		b = append(b, `,"proto":"tcp"`...)
	}
	if service := row.service(); service != "" {
		b = append(b, `,"service":"`...)
		b = append(b, service...)
		b = append(b, '"')
	}
	if row.lasts > 0 && !(row.ends == silent && row.syns == 1) { // Zeek leaves it out after a single packet
		b = append(b, `,"duration":`...)
		b = appendSeconds(b, row.lasts.Microseconds())
		b = append(b, `,"orig_bytes":`...)
		b = strconv.AppendInt(b, row.up, 10)
		b = append(b, `,"resp_bytes":`...)
		b = strconv.AppendInt(b, row.down, 10)
	}
	b = append(b, `,"conn_state":"`...)
	b = append(b, row.state()...)
	b = append(b, `","local_orig":`...)
	b = strconv.AppendBool(b, c.inside(row.source))
	b = append(b, `,"local_resp":`...)
	b = strconv.AppendBool(b, c.inside(row.destination))
	b = append(b, `,"missed_bytes":0,"history":"`...)
	b = append(b, row.history()...)
	sent, received := row.packets()
	b = append(b, `","orig_pkts":`...)
	b = strconv.AppendInt(b, sent, 10)
	b = append(b, `,"orig_ip_bytes":`...)
	b = strconv.AppendInt(b, row.up+sent*52, 10)
	b = append(b, `,"resp_pkts":`...)
	b = strconv.AppendInt(b, received, 10)
	b = append(b, `,"resp_ip_bytes":`...)
	b = strconv.AppendInt(b, row.down+received*52, 10)
	return append(b, "}\n"...)
}

// appendSeconds writes microseconds as seconds with six decimals.
func appendSeconds(b []byte, micros int64) []byte {
	b = strconv.AppendInt(b, micros/1e6, 10)
	b = append(b, '.')
	for scale := int64(1e5); scale > 0; scale /= 10 {
		b = append(b, byte('0'+micros/scale%10))
	}
	return b
}
