package recording

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// readManifest returns nil when there is none.
func readManifest(dir string) (*Manifest, error) {
	name := filepath.Join(dir, manifestName)
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case info.Size() > maxManifest:
		return nil, fmt.Errorf("%s: %d bytes, more than %d", name, info.Size(), maxManifest)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	m := new(Manifest)
	if err := json.Unmarshal(text, m); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}

// check rejects a manifest that no recorder writes. File names have a fixed form:
// none leads out of the directory.
func (m *Manifest) check() error {
	if m.Format != Format {
		return fmt.Errorf("format %d; this program reads format %d", m.Format, Format)
	}
	if len(m.Files) > maxFiles {
		return fmt.Errorf("%d files, more than %d", len(m.Files), maxFiles)
	}
	for i := range m.Files {
		f := &m.Files[i]
		sum, err := hex.DecodeString(f.SHA256)
		switch {
		case !fileName.MatchString(f.Name):
			return fmt.Errorf("file %d: name %.64q: want snapshots-000001.hsr or the like", i+1, f.Name)
		case i > 0 && f.Name <= m.Files[i-1].Name:
			return fmt.Errorf("file %d: %s is not after %s", i+1, f.Name, m.Files[i-1].Name)
		case err != nil || len(sum) != 32:
			return fmt.Errorf("file %d: sha256 %.80q: want 64 hexadecimal digits", i+1, f.SHA256)
		case f.Bytes < int64(len(magic)) || f.Bytes > maxFileBytes || f.Messages < 0:
			return fmt.Errorf("file %d: %d bytes with %d messages", i+1, f.Bytes, f.Messages)
		}
	}
	return nil
}

// write replaces the manifest of a directory atomically.
func (m *Manifest) write(dir string) (err error) {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(dir, manifestName+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(file.Name())
		}
	}()
	_, err = file.Write(append(text, '\n'))
	if err == nil {
		err = file.Chmod(0o600)
	}
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), filepath.Join(dir, manifestName)); err != nil {
		return err
	}
	return syncDirectory(dir)
}

// syncDirectory makes created and renamed files in a directory durable.
func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// unlisted returns the names of the files of a directory that a manifest
// doesn't list, in order. They come after the listed ones.
func (m *Manifest) unlisted(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	last := ""
	if n := len(m.Files); n > 0 {
		last = m.Files[n-1].Name
	}
	var names []string
	for _, e := range entries {
		listed := slices.ContainsFunc(m.Files, func(f File) bool { return f.Name == e.Name() })
		switch {
		case !fileName.MatchString(e.Name()) || listed:
		case strings.Compare(e.Name(), last) < 0:
			return nil, fmt.Errorf("%s is not in %s, but older than its files", filepath.Join(dir, e.Name()), manifestName)
		default:
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// next returns the number of the next file.
func (m *Manifest) next() int {
	if len(m.Files) == 0 {
		return 1
	}
	number := 0
	fmt.Sscanf(fileName.FindStringSubmatch(m.Files[len(m.Files)-1].Name)[1], "%d", &number)
	return number + 1
}
