package simulate

import (
	"bufio"
	"io"
	"strconv"
	"time"
)

// WriteLog writes conn.log as Zeek writes it with json_streaming_logs off and
// LogAscii::use_json on: one JSON object a line, times in seconds since 1970.
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

// packets is how many went each way.
func (row *connection) packets() (sent, received int64) {
	switch {
	case row.udp && row.ends == unansweredOnly:
		return 1, 0
	case row.udp:
		return 1 + row.up/1400, 1 + row.down/1400
	case row.ends == silent:
		return int64(row.syns), 0
	case row.ends == refused:
		return 1, 1
	}
	keepalives := int64(row.lasts / (2 * time.Hour))
	return 4 + row.up/1400 + row.down/2800 + keepalives, 3 + row.down/1400 + row.up/2800 + keepalives
}

// service is the protocol that Zeek recognises.
func (row *connection) service() string {
	if !row.udp && !row.established() || row.up+row.down == 0 {
		return ""
	}
	switch row.port {
	case 22:
		return "ssh"
	case 25, 587:
		return "smtp"
	case 53:
		return "dns"
	case 80, 8080:
		return "http"
	case 88:
		return "krb_tcp"
	case 123:
		return "ntp"
	case 135:
		return "dce_rpc"
	case 161:
		return "snmp"
	case 389, 3268:
		return "ldap_tcp"
	case 443, 993, 8443, 636:
		return "ssl"
	case 445:
		return "gssapi,smb"
	case 3306:
		return "mysql"
	case 3389:
		return "rdp,ssl"
	case 5432:
		return "postgresql"
	case 5985:
		return "http"
	}
	return ""
}
