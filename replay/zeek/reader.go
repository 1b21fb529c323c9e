package zeek

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unsafe"

	"github.com/klauspost/compress/gzip"
)

// reader collects records from one file after the other.
type reader struct {
	ctx        context.Context
	maxRecords int
	log        Log
	values     values
	lines      *bufio.Reader

	progress            func(done, total int64)
	done, reported, all int64 // bytes of the files
}

// measure adds up the sizes of the files, which also finds unreadable names before
// anything is read.
func (r *reader) measure(files []string) error {
	for _, file := range files {
		info, err := os.Stat(file)
		switch {
		case err != nil:
			return err
		case info.IsDir():
			return fmt.Errorf("%s is a directory", file)
		}
		r.all += info.Size()
	}
	return nil
}

// reportEvery is the number of bytes between two reports of progress.
const reportEvery = 1 << 20

func (r *reader) report(end bool) {
	if r.progress != nil && (end || r.done-r.reported >= reportEvery) {
		r.reported = r.done
		r.progress(r.done, max(r.all, r.done))
	}
}

// tracked is a file whose reading reports progress and stops with the context.
type tracked struct {
	*reader
	file io.Reader
}

func (t tracked) Read(b []byte) (int, error) {
	if err := t.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := t.file.Read(b)
	t.done += int64(n)
	t.report(false)
	return n, err
}

func (r *reader) readFile(name string) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	return r.read(name, tracked{r, file})
}

// read detects gzip by the first bytes.
func (r *reader) read(name string, in io.Reader) error {
	raw := bufio.NewReaderSize(in, 256<<10)
	start, err := raw.Peek(sniffed)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: %w", name, err)
	}
	in = raw
	if bytes.HasPrefix(start, []byte{0x1f, 0x8b}) {
		unpacked, err := gzip.NewReader(raw)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		defer unpacked.Close()
		in = unpacked
	}
	if r.lines == nil {
		r.lines = bufio.NewReaderSize(nil, MaxLine)
	}
	r.lines.Reset(in)
	if start, err = r.lines.Peek(sniffed); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: %w", name, err)
	}
	if other := looksLike(start); other != "" {
		return fmt.Errorf("%s looks like %s; want Zeek's conn.log, as JSON lines or tab-separated", name, other)
	}
	return r.readLines(name)
}

// hopeless is the number of bad lines after which a file without a good one is
// rejected.
const hopeless = 1000

func (r *reader) readLines(name string) error {
	headers := newHeader()
	before := r.log
	for number := 1; ; number++ {
		line, err := r.lines.ReadSlice('\n')
		long := errors.Is(err, bufio.ErrBufferFull)
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = r.lines.ReadSlice('\n')
		}
		end := errors.Is(err, io.EOF)
		if err != nil && !end {
			return fmt.Errorf("%s:%d: %w", name, number, err)
		}
		if line = bytes.TrimRight(line, "\r\n"); long {
			r.bad(name, number, fmt.Errorf("more than %d bytes in a line", MaxLine))
		} else if err := r.take(line, &headers); err != nil {
			if other := new(notConn); errors.As(err, &other) || errors.Is(err, errTooMany) {
				return fmt.Errorf("%s:%d: %w", name, number, err)
			}
			r.bad(name, number, err)
		}
		bad, lines := r.log.Bad-before.Bad, r.log.Lines-before.Lines
		if bad > 0 && bad == lines && (end || bad == hopeless) {
			return fmt.Errorf("%s: none of %d lines is a record of Zeek's conn.log, as JSON or tab-separated:\n%w",
				name, lines, errors.Join(r.log.Errors[len(before.Errors):]...))
		}
		if end {
			return nil
		}
	}
}

// errTooMany is returned beyond the maximum number of records.
var errTooMany = errors.New("too many records")

// take reads a line. It skips an empty one.
func (r *reader) take(line []byte, headers *header) error {
	if space(line, 0) == len(line) {
		return nil
	}
	if line[0] == '#' {
		return headers.take(line)
	}
	var err error
	if line[0] == '{' || headers.columns == nil {
		err = r.values.scanJSON(line)
		if errors.Is(err, errNoObject) && line[0] != '{' {
			err = errNoFields
		}
	} else {
		err = r.values.scanTSV(line, headers)
	}
	if err != nil {
		return err
	}
	var record Record
	switch err := r.values.record(&record); {
	case errors.Is(err, errOther):
		r.log.Others++
	case err != nil:
		return err
	case len(r.log.Records) == r.maxRecords:
		return fmt.Errorf("%w: more than %d TCP connections, of %d bytes of memory each; read fewer of the rotated files at a time, or allow more",
			errTooMany, r.maxRecords, unsafe.Sizeof(record))
	default:
		r.log.Records = append(r.log.Records, record)
	}
	r.log.Lines++
	return nil
}

func (r *reader) bad(name string, number int, err error) {
	r.log.Lines++
	r.log.Bad++
	if len(r.log.Errors) < maxErrors {
		r.log.Errors = append(r.log.Errors, fmt.Errorf("%s:%d: %w", name, number, err))
	}
}

// sniffed is the number of bytes in which a format is detected.
const sniffed = 512

// looksLike names the format of a file that is certainly no conn.log; else it
// returns "".
func looksLike(start []byte) string {
	text := strings.TrimLeft(string(start), " \t\r\n")
	for magic, what := range map[string]string{
		"\xd4\xc3\xb2\xa1": pcap, "\xa1\xb2\xc3\xd4": pcap, "\x4d\x3c\xb2\xa1": pcap, "\xa1\xb2\x3c\x4d": pcap, "\x0a\x0d\x0d\x0a": pcap,
		"\x28\xb5\x2f\xfd": "a file compressed with zstd (unpack it first)", "\xfd7zXZ": "a file compressed with xz (unpack it first)",
		"BZh": "a file compressed with bzip2 (unpack it first)", "PK\x03\x04": "a zip archive (unpack it first)", "\x1f\x8b": "gzip in gzip",
	} {
		if strings.HasPrefix(string(start), magic) {
			return what
		}
	}
	switch {
	case strings.HasPrefix(text, "["):
		return "a JSON array (write one object a line: jq -c '.[]')"
	case strings.HasPrefix(text, "<"):
		return "XML or HTML"
	case strings.IndexByte(text, 0) >= 0:
		return "a binary file"
	}
	return ""
}

const pcap = "a packet capture (let Zeek read it first: zeek -r FILE)"
