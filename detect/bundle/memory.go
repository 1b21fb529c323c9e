package bundle

import (
	"bytes"
	"io/fs"
	"maps"
	"slices"
	"time"
)

// directory is files in memory as an [fs.FS], without directories in it.
type directory struct {
	files map[string]*file
	err   error // why it can't be read
}

type file struct {
	name string
	data []byte
	err  error // why it can't be read
}

func (d directory) names() []string { return slices.Sorted(maps.Keys(d.files)) }

// Open implements fs.FS.
func (d directory) Open(name string) (fs.File, error) {
	f := d.files[name]
	switch {
	case d.err != nil:
		return nil, &fs.PathError{Op: "open", Path: name, Err: cause(d.err)}
	case f == nil:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	case f.err != nil:
		return nil, &fs.PathError{Op: "open", Path: name, Err: f.err}
	}
	return &opened{f, bytes.NewReader(f.data)}, nil
}

// ReadDir implements fs.ReadDirFS.
func (d directory) ReadDir(name string) ([]fs.DirEntry, error) {
	if d.err != nil {
		return nil, d.err
	}
	if name != "." {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrNotExist}
	}
	var all []fs.DirEntry
	for _, n := range d.names() {
		all = append(all, fs.FileInfoToDirEntry(d.files[n]))
	}
	return all, nil
}

// Name implements fs.FileInfo, as the next five do.
func (f *file) Name() string       { return f.name }
func (f *file) Size() int64        { return int64(len(f.data)) }
func (f *file) Mode() fs.FileMode  { return 0o444 }
func (f *file) ModTime() time.Time { return time.Time{} }
func (f *file) IsDir() bool        { return false }
func (f *file) Sys() any           { return nil }

type opened struct {
	*file
	*bytes.Reader
}

// Size is that of both; the file's.
func (o *opened) Size() int64 { return o.file.Size() }

// Stat implements fs.File.
func (o *opened) Stat() (fs.FileInfo, error) { return o.file, nil }

// Close implements fs.File.
func (o *opened) Close() error { return nil }
