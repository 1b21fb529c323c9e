package engine

import (
	"archive/tar"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// archive writes the root file system of an image as a tar stream. Paths are
// relative to the root; everything belongs to root.
type archive struct{ *tar.Writer }

// Modes of directories.
const (
	ordinary = 0o755
	anyones  = 0o1777 // everybody may write, only the owner may remove
)

func (a archive) dir(name string, mode int64) error {
	return a.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: mode})
}

func (a archive) link(name, target string) error {
	return a.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777})
}

func (a archive) text(name, content string, mode int64) error {
	if err := a.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(content))}); err != nil {
		return err
	}
	_, err := io.WriteString(a, content)
	return err
}

// file copies a file of this machine, through symbolic links.
func (a archive) file(name, source string) error {
	f, err := os.Open(source)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	err = a.WriteHeader(&tar.Header{
		Typeflag: tar.TypeReg,
		Name:     name,
		Mode:     int64(info.Mode().Perm()),
		Size:     info.Size(),
		ModTime:  info.ModTime(),
	})
	if err != nil {
		return err
	}
	if _, err := io.Copy(a, f); err != nil {
		return fmt.Errorf("copy %s: %w", source, err)
	}
	return nil
}

// tree copies a directory of this machine with its files and directories, but
// those that skip names by their path below the source.
func (a archive) tree(name, source string, skip func(below string) bool) error {
	source, err := filepath.EvalSymlinks(source)
	if err != nil {
		return err
	}
	return filepath.WalkDir(source, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		below, err := filepath.Rel(source, file)
		if err != nil {
			return err
		}
		switch {
		case skip != nil && skip(below):
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		case entry.IsDir():
			return a.dir(path.Join(name, below), ordinary)
		default:
			return a.file(path.Join(name, below), file)
		}
	})
}
