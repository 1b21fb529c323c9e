package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// directory is where messages have their files.
type directory struct {
	path string
	lock *os.File
}

func openDirectory(path string) (*directory, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	const writeAndSearch = 2 | 1 // W_OK | X_OK of access(2)
	if err := syscall.Access(path, writeAndSearch); err != nil {
		return nil, fmt.Errorf("%s can't be written to: %w", path, err)
	}
	lock, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: another spool uses it: %w", path, err), lock.Close())
	}
	return &directory{path, lock}, nil
}

func (d *directory) close() error { return d.lock.Close() }

// write makes a message's file. It survives a crash of the machine once sync
// has returned as well.
func (d *directory) write(sequence uint64, m Message) error {
	temporary := d.file(sequence, temporarySuffix)
	err := writeSynced(temporary, encode(m))
	if err == nil {
		err = os.Rename(temporary, d.file(sequence, messageSuffix))
	}
	if err != nil {
		// Where this fails too, Open removes the file.
		_ = os.Remove(temporary)
	}
	return err
}

func writeSynced(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func (d *directory) sync() error {
	f, err := os.Open(d.path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// read returns the message of a file of at most limit bytes.
func (d *directory) read(sequence uint64, limit int64) (Message, error) {
	name := d.file(sequence, messageSuffix)
	f, err := os.Open(name)
	if err != nil {
		return Message{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Message{}, err
	}
	if info.Size() > limit {
		return Message{}, fmt.Errorf("%s: %w: %d bytes, more than %d", name, errDamaged, info.Size(), limit)
	}
	data := make([]byte, info.Size())
	if _, err := io.ReadFull(f, data); err != nil {
		return Message{}, fmt.Errorf("%s: %w", name, err)
	}
	m, err := decode(data)
	if err != nil {
		return Message{}, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}

func (d *directory) remove(sequence uint64) error {
	err := os.Remove(d.file(sequence, messageSuffix))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (d *directory) file(sequence uint64, suffix string) string {
	return filepath.Join(d.path, fileName(sequence, suffix))
}
