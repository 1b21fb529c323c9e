package zeek_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"headstart/replay/zeek"
)

// TestFormats reads the same connections in both formats.
func TestFormats(t *testing.T) {
	want := []string{
		"2025-06-05T14:30:00Z 203.0.113.7:60122 > 10.1.1.10:22 SF ShAdDaFf 45m11.384002s",
		"2025-06-05T14:30:06.004175Z 10.1.1.10:49800 > 10.1.9.9:445 S0 S 3.061245s",
		"2025-06-05T14:30:11.270031Z 10.1.1.10:40312 > 10.1.3.10:5432 SF ShADadFf 412.907ms",
		"2025-06-05T14:30:12.5Z 2001:db8::7:51544 > 2001:db8:1::10:443 RSTR ShADadr 20.018442s",
		"2025-06-05T14:30:36.900001Z 10.1.1.10:41877 > 10.1.4.20:3389 REJ Sr 312µs",
		"2025-06-05T14:30:41.00025Z 203.0.113.7:60210 > 10.1.1.10:22 S0 S 0s",
	}
	var logs []*zeek.Log
	for _, file := range []string{"testdata/conn.json.log", "testdata/conn.tsv.log"} {
		t.Run(file, func(t *testing.T) {
			log := read(t, file)
			logs = append(logs, log)
			if log.Lines != 7 || log.Others != 1 || log.Bad != 0 || log.Repeated != 0 {
				t.Errorf("%d lines, %d not TCP, %d bad, %d repeated", log.Lines, log.Others, log.Bad, log.Repeated)
			}
			for i, r := range log.Records {
				if i >= len(want) || r.String() != want[i] {
					t.Errorf("record %d is %v", i, &r)
				}
			}
			ssh, silent := log.Records[0], log.Records[5]
			if ssh.OriginatorBytes != 98322 || ssh.ResponderBytes != 611204 || ssh.OriginatorPackets != 1522 || ssh.UID == 0 {
				t.Errorf("the session has %d and %d bytes, %d packets, uid %x", ssh.OriginatorBytes, ssh.ResponderBytes, ssh.OriginatorPackets, ssh.UID)
			}
			if silent.Duration != zeek.Unset || silent.OriginatorBytes != zeek.Unset || silent.OriginatorPackets != 1 {
				t.Errorf("what is not set is %+v", silent)
			}
		})
	}
	if !reflect.DeepEqual(logs[0], logs[1]) {
		t.Errorf("the formats differ:\n%+v\n%+v", logs[0], logs[1])
	}
}

func read(t testing.TB, files ...string) *zeek.Log {
	t.Helper()
	log, err := zeek.Read(t.Context(), files, zeek.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return log
}

// write makes a directory of files.
func write(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func zipped(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(text))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestRotatedFiles reads a directory as zeekctl leaves it: by day and hour,
// compressed, with another log's files and a link between. Files overlap.
func TestRotatedFiles(t *testing.T) {
	whole, err := os.ReadFile("testdata/conn.json.log")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(whole), "\n")
	tsv, err := os.ReadFile("testdata/conn.tsv.log")
	if err != nil {
		t.Fatal(err)
	}
	dir := write(t, map[string]string{
		"2025-06-05/conn.14:00:00-15:00:00.log.gz":                  zipped(t, strings.Join(lines[:3], "")),
		"2025-06-05/conn.2025-06-05-15-00-00-16-00-00.log.gz":       zipped(t, strings.Join(lines[2:5], "")),
		"2025-06-05/conn-summary.15:00:00-16:00:00.log.gz":          "no log",
		"2025-06-05/dns.14:00:00-15:00:00.log.gz":                   zipped(t, "no log"),
		"2025-06-06/conn_20250606.log":                              string(tsv),
		"2025-06-06/conn.log":                                       "",
		"2025-06-06/connections.log":                                "no log",
		"2025-06-06/conn.json":                                      strings.Join(lines[4:], ""),
		"spool/conn.log.gz":                                         strings.Join(lines[:2], ""), // a name is no proof
		"spool/conn.2025-06-06-10-00-00-2025-06-06-11-00-00-CET.md": "no log",
	})
	if err := os.Symlink(filepath.Join(dir, "spool"), filepath.Join(dir, "current")); err != nil {
		t.Fatal(err)
	}
	files, err := zeek.Find([]string{dir, filepath.Join(dir, "2025-*"), filepath.Join(dir, "spool", "..", "2025-06-06", "conn.json")})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 6 {
		t.Errorf("files %q", files)
	}
	log := read(t, files...)
	if want := read(t, "testdata/conn.json.log").Records; !reflect.DeepEqual(log.Records, want) {
		t.Errorf("records %v, want %v", log.Records, want)
	}
	if log.Repeated != 9 || log.Bad != 0 {
		t.Errorf("%d repeated, %d bad", log.Repeated, log.Bad)
	}
}

func TestFindMistakes(t *testing.T) {
	dir := write(t, map[string]string{"dns.log": "", "[": ""})
	for name, want := range map[string]string{
		dir:                              "no conn.log in this directory",
		filepath.Join(dir, "conn.log"):   "no such file",
		filepath.Join(dir, "conn.*.log"): "no such file",
		filepath.Join(dir, "[a"):         "syntax error in pattern",
	} {
		if files, err := zeek.Find([]string{name}); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v, %v; want %s", name, files, err, want)
		}
	}
	if files, err := zeek.Find([]string{filepath.Join(dir, "[")}); err != nil || len(files) != 1 {
		t.Errorf("a file whose name is a pattern: %v, %v", files, err)
	}
	if _, err := zeek.Read(t.Context(), nil, zeek.Options{}); err == nil {
		t.Error("no file is no mistake")
	}
	if _, err := zeek.Read(t.Context(), []string{dir}, zeek.Options{}); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("a directory: %v", err)
	}
}

const good = `{"ts":1749133800.5,"id.orig_h":"10.1.1.1","id.orig_p":40000,"id.resp_h":"10.1.1.2","id.resp_p":22,"proto":"tcp"}` + "\n"

// TestLine reads one line beside many good ones.
func TestLine(t *testing.T) {
	for name, c := range map[string]struct{ line, want string }{
		"least":                   {strings.TrimSpace(good), "2025-06-05T14:30:00.5Z 10.1.1.1:40000 > 10.1.1.2:22 -  0s"},
		"spaces":                  {` { "ts" : 1749133800 , "id.orig_h" : "10.1.1.1" , "id.orig_p" : 1 , "id.resp_h" : "10.1.1.2" , "id.resp_p" : 2 , "proto" : "tcp" } `, "2025-06-05T14:30:00Z 10.1.1.1:1 > 10.1.1.2:2 -  0s"},
		"ISO 8601":                {strings.Replace(good, "1749133800.5", `"2025-06-05T14:30:00.000001Z"`, 1), "2025-06-05T14:30:00.000001Z 10.1.1.1:40000"},
		"milliseconds":            {strings.Replace(good, "1749133800.5", "1749133800123.0", 1), "2025-06-05T14:30:00.123Z 10.1.1.1:40000"},
		"exponent":                {strings.Replace(good, "1749133800.5", "1.7491338005e9", 1), "2025-06-05T14:30:00.5Z 10.1.1.1:40000"},
		"text for number":         {strings.Replace(good, "40000", `"40000"`, 1), "10.1.1.1:40000"},
		"escapes":                 {strings.Replace(good, `"tcp"`, `"\u0074cp"`, 1), "10.1.1.1:40000"},
		"skips what it needs not": {strings.Replace(good, `{`, `{"a":{"ts":[1,{"b":"}]"}]},"c\"":"\\","d":null,"e":true,`, 1), "10.1.1.1:40000"},
		"null is not set":         {strings.Replace(good, `{`, `{"duration":null,"conn_state":null,`, 1), "10.1.1.1:40000"},
		"history":                 {strings.Replace(good, `{`, `{"history":"^ShADTadCtFfWGR^hD","conn_state":"RSTO",`, 1), "RSTO ^ShADadFfR"},
		"mapped address":          {strings.Replace(good, "10.1.1.1", "::ffff:10.1.1.1", 1), " 10.1.1.1:40000"},
		"negative duration":       {strings.Replace(good, `{`, `{"duration":-0.5,`, 1), " 0s"},
		"conn among others":       {strings.Replace(good, `{`, `{"_path":"conn",`, 1), "10.1.1.1:40000"},
		"another log":             {`{"_path":"dns","ts":1749133800.5,"query":"example.org"}`, "other"},
		"UDP":                     {strings.Replace(good, "tcp", "udp", 1), "other"},
		"empty":                   {"", "nothing"},
		"comment":                 {"#close\t2025-06-05-15-15-12", "nothing"},
		"no values":               {"1749133800.5\t10.1.1.1", "no JSON object, and no #fields line"},
		"cut off":                 {good[:70], "cut off"},
		"cut off in key":          {`{"ts`, "cut off"},
		"cut off after key":       {`{"ts"`, "cut off"},
		"cut off after colon":     {`{"ts":`, "cut off"},
		"cut off in nested":       {`{"a":[{"b":"]`, "cut off"},
		"cut off after value":     {`{"ts":1`, "cut off"},
		"cut off after comma":     {`{"ts":1,`, "cut off"},
		"no colon":                {`{"ts" 1}`, "no JSON object"},
		"no comma":                {`{"ts":1 "uid":2}`, "no JSON object"},
		"no key":                  {`{ts:1}`, "no JSON object"},
		"two objects":             {strings.TrimSpace(good) + strings.TrimSpace(good), "something follows"},
		"no ts":                   {strings.Replace(good, `"ts"`, `"t"`, 1), "ts is missing"},
		"no proto":                {strings.Replace(good, `"proto"`, `"p"`, 1), "proto is missing"},
		"no port":                 {strings.Replace(good, `"id.resp_p"`, `"p"`, 1), "id.resp_p is missing"},
		"bad ts":                  {strings.Replace(good, "1749133800.5", `"yesterday"`, 1), `ts "yesterday": want seconds`},
		"ts before 1970":          {strings.Replace(good, "1749133800.5", "-1", 1), `ts "-1"`},
		"ts after 2100":           {strings.Replace(good, "1749133800.5", "4102444800", 1), `ts "4102444800"`},
		"ts too large":            {strings.Replace(good, "1749133800.5", "99999999999999999999", 1), `ts "9999`},
		"bad address":             {strings.Replace(good, "10.1.1.1", "10.1.1", 1), `id.orig_h "10.1.1": want an address`},
		"octet too large":         {strings.Replace(good, "10.1.1.2", "10.1.1.256", 1), `id.resp_h "10.1.1.256"`},
		"octal":                   {strings.Replace(good, "10.1.1.2", "10.1.1.02", 1), `id.resp_h "10.1.1.02"`},
		"bad port":                {strings.Replace(good, "40000", "65536", 1), `id.orig_p "65536": want a port`},
		"bad duration":            {strings.Replace(good, `{`, `{"duration":"1m",`, 1), `duration "1m"`},
		"endless":                 {strings.Replace(good, `{`, `{"duration":1e9,`, 1), `duration "1e9"`},
		"bad state":               {strings.Replace(good, `{`, `{"conn_state":"ESTABLISHED",`, 1), `conn_state "ESTABLISHED": want one of Zeek's`},
		"bad count":               {strings.Replace(good, `{`, `{"orig_bytes":-1,`, 1), `orig_bytes "-1": want a number`},
		"bad packets":             {strings.Replace(good, `{`, `{"orig_pkts":1.5,`, 1), `orig_pkts "1.5": want a number`},
		"too long":                {`{"a":"` + strings.Repeat("x", 3*zeek.MaxLine), "more than 1048576 bytes in a line"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := write(t, map[string]string{"conn.log": strings.Repeat(good, 10) + strings.TrimSuffix(c.line, "\n") + "\n" + good})
			file := filepath.Join(dir, "conn.log")
			log := read(t, file)
			switch {
			case c.want == "nothing":
				if log.Lines != 11 || log.Bad != 0 {
					t.Errorf("%d lines, %d bad", log.Lines, log.Bad)
				}
			case c.want == "other":
				if log.Others != 1 || log.Bad != 0 || log.Lines != 12 {
					t.Errorf("%d lines, %d others, %d bad", log.Lines, log.Others, log.Bad)
				}
			case log.Bad > 0:
				if want := file + ":11: "; len(log.Errors) != 1 || !strings.HasPrefix(log.Errors[0].Error(), want) || !strings.Contains(log.Errors[0].Error(), c.want) {
					t.Errorf("mistakes %v, want %s", log.Errors, c.want)
				}
			default:
				for i := range log.Records {
					if strings.Contains(log.Records[i].String(), c.want) {
						return
					}
				}
				t.Errorf("records %v, want %s", log.Records, c.want)
			}
		})
	}
}

const fields = "#fields\tts\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\n"
const row = "1749133800.5\t10.1.1.1\t40000\t10.1.1.2\t22\ttcp\n"

func TestHeaders(t *testing.T) {
	for name, c := range map[string]struct {
		text    string
		records int
		mistake string
	}{
		"least":               {fields + row, 1, ""},
		"another separator":   {"#separator \\x7c\n#unset_field|!\n" + strings.ReplaceAll(fields, "\t", "|") + strings.ReplaceAll(row, "\t", "|"), 1, ""},
		"literal separator":   {"#separator ,\n" + strings.ReplaceAll(fields, "\t", ",") + strings.ReplaceAll(row, "\t", ","), 1, ""},
		"fields change":       {fields + row + "#fields\tproto\tts\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\nudp\t1\t10.1.1.1\t1\t10.1.1.1\t1\n" + fields + row, 2, ""},
		"unset is changed":    {"#unset_field\tnone\n" + strings.TrimSpace(fields) + "\tduration\n" + strings.TrimSpace(row) + "\tnone\n", 1, ""},
		"line ends of DOS":    {strings.ReplaceAll(fields+row, "\n", "\r\n"), 1, ""},
		"JSON among":          {fields + row + good, 2, ""},
		"too few columns":     {fields + strings.Repeat(row, 10) + "1749133800.5\t10.1.1.1\n", 10, ":12: 2 columns, but #fields names 6"},
		"too many columns":    {fields + strings.Repeat(row, 10) + strings.TrimSpace(row) + "\t-\n", 10, ":12: more columns than the 6"},
		"unset though needed": {fields + strings.Repeat(row, 10) + strings.Replace(row, "22", "-", 1), 10, ":12: id.resp_p is missing"},
		"bad separator":       {fields + strings.Repeat(row, 10) + "#separator \\x0909\n", 10, `:12: #separator "\\x0909": want one character`},
		"fields are missing":  {fields + strings.Repeat(row, 10) + "#fields\tts\tproto\n", 10, ":12: #fields: id.orig_h is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(write(t, map[string]string{"conn.log": c.text}), "conn.log")
			log := read(t, file)
			if len(log.Records) != c.records {
				t.Errorf("%d records, want %d: %v", len(log.Records), c.records, log.Errors)
			}
			if c.mistake == "" && len(log.Errors) > 0 || c.mistake != "" && (len(log.Errors) != 1 || !strings.HasPrefix(log.Errors[0].Error(), file+c.mistake)) {
				t.Errorf("mistakes %v, want %s", log.Errors, c.mistake)
			}
		})
	}
}

// TestWhatIsNoConnLog says what a file looks like instead.
func TestWhatIsNoConnLog(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"capture":         {"\xd4\xc3\xb2\xa1\x02\x00\x04\x00", "looks like a packet capture (let Zeek read it first: zeek -r FILE); want Zeek's conn.log"},
		"new capture":     {"\x0a\x0d\x0d\x0a\x1c\x00\x00\x00", "looks like a packet capture"},
		"gzipped capture": {zipped(t, "\xd4\xc3\xb2\xa1\x02\x00\x04\x00"), "looks like a packet capture"},
		"gzip in gzip":    {zipped(t, zipped(t, good)), "looks like gzip in gzip"},
		"zstd":            {"\x28\xb5\x2f\xfd\x04", "compressed with zstd (unpack it first)"},
		"JSON array":      {"[" + good + "]", "looks like a JSON array (write one object a line"},
		"HTML":            {"\n<!doctype html>", "looks like XML or HTML"},
		"binary":          {"a\x00b", "looks like a binary file"},
		"cut off gzip":    {zipped(t, strings.Repeat(good, 1000))[:60], "unexpected EOF"},
		"broken gzip":     {"\x1f\x8bno", "conn.log: "},
		"another log":     {"#separator \\x09\n#path\tdns\n#fields\tts\tuid\n", ":2: this is Zeek's dns log, by its #path; want the conn log"},
		"text":            {"once upon a time\n", "none of 1 lines is a record of Zeek's conn.log, as JSON or tab-separated:"},
		"much text":       {strings.Repeat("once upon a time\n", 5000), "none of 1000 lines"},
		"other JSON":      {`{"@timestamp":"2025-06-05T14:30:00Z","source.ip":"10.1.1.1"}` + "\n", "proto is missing"},
		"bad beside good": {strings.Repeat(good, 8) + "bad\n", "1 of 9 lines are no records of Zeek's conn.log"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(write(t, map[string]string{"conn.log": c.text}), "conn.log")
			log, err := zeek.Read(t.Context(), []string{file}, zeek.Options{})
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), file) {
				t.Errorf("%v, %v; want %s", log, err, c.want)
			}
		})
	}
}

func TestLimitOfRecords(t *testing.T) {
	file := filepath.Join(write(t, map[string]string{"conn.log": strings.Repeat(good, 3)}), "conn.log")
	if _, err := zeek.Read(t.Context(), []string{file}, zeek.Options{MaxRecords: 3}); err != nil {
		t.Error(err)
	}
	_, err := zeek.Read(t.Context(), []string{file}, zeek.Options{MaxRecords: 2})
	if err == nil || !strings.Contains(err.Error(), ":3: too many records: more than 2 TCP connections, of 96 bytes of memory each; read fewer") {
		t.Error(err)
	}
}

func TestProgress(t *testing.T) {
	dir := write(t, map[string]string{"conn.1.log": strings.Repeat(good, 30_000), "conn.2.log.gz": zipped(t, strings.Repeat(good, 30_000))})
	files, err := zeek.Find([]string{dir})
	if err != nil {
		t.Fatal(err)
	}
	var all, last int64
	calls := 0
	_, err = zeek.Read(t.Context(), files, zeek.Options{Progress: func(done, total int64) {
		if done < last || done > total || all != 0 && total != all {
			t.Errorf("%d of %d after %d of %d", done, total, last, all)
		}
		calls, last, all = calls+1, done, total
	}})
	if err != nil || last != all || last == 0 || calls < 3 {
		t.Errorf("%d calls, the last with %d of %d: %v", calls, last, all, err)
	}
}

func TestStopsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := zeek.Read(ctx, []string{"testdata/conn.json.log"}, zeek.Options{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestOrderOfFilesDoesNotMatter(t *testing.T) {
	var lines []string
	for i := range 200 {
		line := strings.Replace(good, "40000", fmt.Sprint(40000+i*7%200), 1)
		lines = append(lines, strings.Replace(line, "800.5", fmt.Sprint(800+i*13%11), 1))
	}
	dir := write(t, map[string]string{"a": strings.Join(lines[:100], ""), "b": strings.Join(lines[100:], "")})
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	one, other := read(t, a, b), read(t, b, a)
	if len(one.Records) != 200 || !reflect.DeepEqual(one, other) {
		t.Error("another order of files gives other records")
	}
}
