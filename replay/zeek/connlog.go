// Package zeek reads Zeek's conn.log: JSON lines and tab-separated values,
// plain or compressed with gzip, one file or a directory of rotated ones.
//
//	files, err := connlog.Find([]string{"/var/log/zeek"})
//	log, err := connlog.Read(ctx, files, connlog.Options{})
//	for i := range log.Records { … log.Records[i] … }
//
// Zeek writes a record when a connection ends, and rotates files in between:
// neither files nor lines are in the order in which connections began. Records
// are. The same records in other files, or in another order, give the same Log.
//
// It guarantees:
//   - Only TCP is kept; the rest is counted.
//   - A line that can't be read is counted and told, never guessed at. A file
//     without any record, or more than a tenth of bad lines, is an error that
//     says what the file looks like instead.
//   - A line, the number of records and so memory are bounded, whatever the
//     files hold: 96 bytes a record, and as much again while they are collected.
//
// The fields are those of base/protocols/conn/main.zeek. Needed are ts, the
// four of id, and proto; the others may be missing.
package zeek

import (
	"context"
	"errors"
	"fmt"
	"sort"
)

// Limits of what is read.
const (
	MaxLine           = 1 << 20 // bytes
	DefaultMaxRecords = 20_000_000

	maxFiles = 100_000
)

// Options say how much is read, and who wants to know how far it is.
type Options struct {
	MaxRecords int // of TCP; DefaultMaxRecords if zero

	// Progress is told how many bytes of the files are read, about every
	// mebibyte and at the end. It may be nil.
	Progress func(done, total int64)
}

// Log is what the files hold.
type Log struct {
	Records  []Record // TCP connections, each once, by Start
	Lines    int      // that hold a record or should
	Others   int      // of them not TCP, or of another of Zeek's logs
	Bad      int      // of them not readable
	Repeated int      // records that were there twice, as rotated files can overlap

	// Mistakes are the first few of the bad lines, as file:line: what is wrong.
	Mistakes []error
}

// maxMistakes are told of the bad lines.
const maxMistakes = 5

// Read reads files, as Find returns them.
func Read(ctx context.Context, files []string, o Options) (*Log, error) {
	if len(files) == 0 {
		return nil, errors.New("no conn.log given")
	}
	if o.MaxRecords <= 0 {
		o.MaxRecords = DefaultMaxRecords
	}
	r := &reader{ctx: ctx, maxRecords: o.MaxRecords, progress: o.Progress}
	if err := r.measure(files); err != nil {
		return nil, err
	}
	for _, file := range files {
		if err := r.readFile(file); err != nil {
			return nil, err
		}
	}
	if err := r.log.tooBad(); err != nil {
		return nil, err
	}
	r.report(true)
	r.log.order()
	return &r.log, nil
}

// tooBad returns an error when more than a tenth of the lines are bad.
func (l *Log) tooBad() error {
	if l.Bad*10 <= l.Lines {
		return nil
	}
	return fmt.Errorf("%d of %d lines are no records of Zeek's conn.log:\n%w", l.Bad, l.Lines, errors.Join(l.Mistakes...))
}

// order sorts the records and drops those that are there twice.
func (l *Log) order() {
	sort.Sort((*byStart)(&l.Records))
	kept := 0
	for i := range l.Records {
		if r := &l.Records[i]; kept > 0 && r.UID != 0 && *r == l.Records[kept-1] {
			l.Repeated++
			continue
		}
		if kept != i {
			l.Records[kept] = l.Records[i]
		}
		kept++
	}
	l.Records = l.Records[:kept]
}
