package zeek

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"testing"
)

// FuzzRead holds what is read of any bytes to what a Record promises.
func FuzzRead(f *testing.F) {
	for _, file := range []string{"testdata/conn.json.log", "testdata/conn.tsv.log"} {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("#separator \\x7c\n#fields|ts\n|"))
	f.Add([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := &reader{ctx: context.Background(), maxRecords: 1000}
		if err := r.read("conn.log", bytes.NewReader(data)); err != nil {
			return
		}
		r.log.order()
		l := &r.log
		if l.Lines != l.Bad+l.Others+l.Repeated+len(l.Records) {
			t.Fatalf("%d lines are %d bad, %d others, %d repeated and %d records", l.Lines, l.Bad, l.Others, l.Repeated, len(l.Records))
		}
		for i := range l.Records {
			switch r := &l.Records[i]; {
			case i > 0 && l.Records[i-1].Start > r.Start:
				t.Fatalf("%v after %v", r, &l.Records[i-1])
			case r.Start < 0 || r.Start >= last*second || r.Duration < Unset || r.Duration > longestDuration+second || r.End() < r.Start:
				t.Fatalf("times of %+v", r)
			case r.OriginatorBytes < Unset || r.ResponderBytes < Unset || r.OriginatorPackets < Unset || r.State > OTH:
				t.Fatalf("numbers of %+v", r)
			case ParseHistory(r.History.String()) != r.History:
				t.Fatalf("history %q", r.History)
			}
		}
	})
}

// FuzzJSON holds the scanner to what the standard library says of a line: what
// that takes for an object, the scanner does too, with the same fields.
func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{"ts":1749133800.5,"uid":"C\n","id.orig_h":"10.1.1.1","a":[{"ts":"]"}],"proto":"tcp"}`))
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"ts":"\"","ts":null}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		var v values
		err := v.scanJSON(line)
		var want map[string]any
		decoder := json.NewDecoder(bytes.NewReader(line))
		decoder.UseNumber()
		if bytes.ContainsAny(line, "\n\r") || decoder.Decode(&want) != nil || want == nil || decoder.More() || bytes.ContainsAny(line, `\`) {
			return
		}
		if rest := line[decoder.InputOffset():]; space(rest, 0) != len(rest) {
			return
		}
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		for f := range fieldCount {
			switch text := want[fieldNames[f]].(type) {
			case string:
				if string(bytes.ToValidUTF8(v[f], []byte("\ufffd"))) != string(bytes.ToValidUTF8([]byte(text), []byte("\ufffd"))) && bytes.Count(line, []byte(fieldNames[f])) == 1 {
					t.Fatalf("%q: %s is %q, want %q", line, fieldNames[f], v[f], text)
				}
			case json.Number:
				if string(v[f]) != text.String() && bytes.Count(line, []byte(fieldNames[f])) == 1 {
					t.Fatalf("%q: %s is %q, want %s", line, fieldNames[f], v[f], text)
				}
			}
		}
	})
}
