// Package zeek reads Zeek's conn.log: JSON lines or tab-separated values, plain
// or gzipped, one file or a directory of rotated ones.
//
//	files, err := zeek.Find([]string{"/var/log/zeek"})
//	log, err := zeek.Read(ctx, files, zeek.Options{})
//	for i := range log.Records { … log.Records[i] … }
//
// Zeek writes a record when a connection ends, and rotates files in between:
// neither files nor lines are in the order in which connections began. Records
// are. The same records in other files, or in another order, give the same Log.
//
// It guarantees:
//   - Only TCP is kept; the rest is counted.
//   - A line that can't be read is counted and reported, never guessed. A file
//     without any record, or more than a tenth of bad lines, is an error that
//     names the format that the file seems to have.
//   - A line, the number of records and so memory are bounded, whatever the
//     files hold: 96 bytes a record, and as much again while they are collected.
//
// The fields are those of base/protocols/conn/main.zeek. It requires ts, the
// four of id, and proto.
package zeek

import (
	"context"
	"errors"
	"fmt"
	"sort"
)

// Limits of the input.
const (
	MaxLine           = 1 << 20 // bytes
	defaultMaxRecords = 20_000_000

	maxFiles = 100_000
)

// Options bound the input and report progress.
type Options struct {
	MaxRecords int // of TCP; 20 million if zero

	// Progress is called with the number of bytes read, about every mebibyte and
	// at the end. It may be nil.
	Progress func(done, total int64)
}

// Log is the content of the files.
type Log struct {
	Records  []Record // TCP connections, each once, by Start
	Lines    int      // with a record, or without a readable one
	Others   int      // records of other protocols, or of other logs of Zeek
	Bad      int      // unreadable lines
	Repeated int      // duplicate records: rotated files can overlap

	// Errors are the errors of the first bad lines, as file:line: error.
	Errors []error
}

// maxErrors bounds Log.Errors.
const maxErrors = 5

// Read reads files found by Find.
func Read(ctx context.Context, files []string, o Options) (*Log, error) {
	if len(files) == 0 {
		return nil, errors.New("no conn.log given")
	}
	if o.MaxRecords <= 0 {
		o.MaxRecords = defaultMaxRecords
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
	return fmt.Errorf("%d of %d lines are no records of Zeek's conn.log:\n%w", l.Bad, l.Lines, errors.Join(l.Errors...))
}

// order sorts the records and drops duplicates.
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
