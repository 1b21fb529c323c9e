package zeek_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkRead reads files of 20,000 records, made of the lines of testdata.
func BenchmarkRead(b *testing.B) {
	for _, format := range []string{"json", "tsv"} {
		text, err := os.ReadFile("testdata/conn." + format + ".log")
		if err != nil {
			b.Fatal(err)
		}
		var file bytes.Buffer
		records := 0
		for records < 20_000 {
			file.Write(bytes.ReplaceAll(text, []byte("17491338"), fmt.Appendf(nil, "1749%04d", 1000+records%8000)))
			records += 7
		}
		for name, text := range map[string]string{format: file.String(), format + "-gzip": zipped(b, file.String())} {
			b.Run(name, func(b *testing.B) {
				path := filepath.Join(write(b, map[string]string{"conn.log": text}), "conn.log")
				b.SetBytes(int64(file.Len()))
				b.ReportAllocs()
				for b.Loop() {
					read(b, path)
				}
				b.ReportMetric(float64(records)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
			})
		}
	}
}

// BenchmarkOrder is included in BenchmarkRead for records that come nearly in
// order; this is for those that don't.
func BenchmarkOrder(b *testing.B) {
	var file bytes.Buffer
	for i := range 100_000 {
		fmt.Fprintf(&file, `{"ts":%d.5,"id.orig_h":"10.1.1.1","id.orig_p":40000,"id.resp_h":"10.1.1.2","id.resp_p":22,"proto":"tcp"}`+"\n", 1749000000+i*7919%100_000)
	}
	path := filepath.Join(write(b, map[string]string{"conn.log": file.String()}), "conn.log")
	b.ReportAllocs()
	for b.Loop() {
		if log := read(b, path); len(log.Records) != 100_000 || log.Records[0].Start > log.Records[1].Start {
			b.Fatal("not in order")
		}
	}
	b.ReportMetric(100_000*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}
