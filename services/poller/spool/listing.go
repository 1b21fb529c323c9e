package spool

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A message's file is named by its sequence number, in hexadecimal digits that
// sort as the numbers do. It has the second suffix until all of it is on disk.
const (
	messageSuffix   = ".message"
	temporarySuffix = ".temporary"
)

// maxFiles bounds what listing a directory takes. It is far more than fit into
// a sensible limit.
const maxFiles = 1 << 20

// listing is what a directory holds.
type listing struct {
	messages []messageFile // from the oldest on
	foreign  int           // files that are not the spool's
}

type messageFile struct {
	sequence uint64
	bytes    int64
}

// list finds the files of messages and removes unfinished ones.
func (d *directory) list() (*listing, error) {
	f, err := os.Open(d.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	found := new(listing)
	for total := 0; ; {
		const batch = 1024
		files, err := f.ReadDir(batch)
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if total += len(files); total > maxFiles {
			return nil, fmt.Errorf("%s holds more than %d files: choose a directory of the spool's own", d.path, maxFiles)
		}
		for _, file := range files {
			d.add(found, file)
		}
	}
	slices.SortFunc(found.messages, func(a, b messageFile) int { return cmp.Compare(a.sequence, b.sequence) })
	return found, nil
}

func (d *directory) add(found *listing, file os.DirEntry) {
	if _, ok := sequenceOf(file.Name(), temporarySuffix); ok && file.Type().IsRegular() {
		if os.Remove(filepath.Join(d.path, file.Name())) == nil {
			return
		}
	}
	sequence, ok := sequenceOf(file.Name(), messageSuffix)
	info, err := file.Info()
	if !ok || err != nil || !info.Mode().IsRegular() {
		found.foreign++
		return
	}
	found.messages = append(found.messages, messageFile{sequence, info.Size()})
}

func fileName(sequence uint64, suffix string) string {
	return fmt.Sprintf("%016x%s", sequence, suffix)
}

// sequenceOf undoes fileName. Numbers that no spool can have reached are
// foreign: there would be none left for the messages after them.
func sequenceOf(name, suffix string) (sequence uint64, ok bool) {
	const most = 1 << 62
	digits, ok := strings.CutSuffix(name, suffix)
	if !ok {
		return 0, false
	}
	sequence, err := strconv.ParseUint(digits, 16, 64)
	return sequence, err == nil && sequence > 0 && sequence < most && fileName(sequence, suffix) == name
}
