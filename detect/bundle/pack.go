package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"
)

// manifestFile is the first file of a packed book. It comes from programs only.
const (
	manifestFile = "book.json"
	maxManifest  = 4 << 20 // bytes
)

type manifest struct {
	Version int      `json:"version"`
	Layers  []string `json:"layers"`
	Origin
}

// bookVersion is that of the packed form.
const bookVersion = 1

// Pack returns the book as one value: a gzipped tar archive that begins with
// book.json, then the files of each layer below its number, from 0.
func (b *Book) Pack() ([]byte, error) {
	var packed bytes.Buffer
	zip, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return nil, fmt.Errorf("pack rules: %w", err)
	}
	archive := tar.NewWriter(zip)
	m := manifest{Version: bookVersion, Origin: b.Origin}
	for i := range b.Layers {
		m.Layers = append(m.Layers, b.Layers[i].Name)
	}
	text, err := json.Marshal(m)
	if err == nil {
		err = add(archive, manifestFile, text)
	}
	for i := range b.Layers {
		for name, data := range b.Layers[i].Files {
			if err == nil {
				err = add(archive, path.Join(strconv.Itoa(i), name), data)
			}
		}
	}
	if err := errors.Join(err, archive.Close(), zip.Close()); err != nil {
		return nil, fmt.Errorf("pack rules: %w", err)
	}
	return packed.Bytes(), nil
}

func add(archive *tar.Writer, name string, data []byte) error {
	if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(data)), Format: tar.FormatPAX}); err != nil {
		return err
	}
	_, err := archive.Write(data)
	return err
}

// Unpack undoes Pack. Its input is untrusted.
func Unpack(packed []byte) (*Book, error) {
	b, err := unpack(packed, true)
	if err != nil {
		return nil, fmt.Errorf("unpack rules: %w", err)
	}
	return b, nil
}

// UnpackOrigin returns the origin of a packed book, without reading its files.
func UnpackOrigin(packed []byte) (Origin, error) {
	b, err := unpack(packed, false)
	if err != nil {
		return Origin{}, fmt.Errorf("unpack rules: %w", err)
	}
	return b.Origin, nil
}

func unpack(packed []byte, files bool) (*Book, error) {
	zip, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	limited := &io.LimitedReader{R: zip, N: MaxBytes + maxManifest + MaxFiles*2048}
	archive := tar.NewReader(limited)
	b, err := unpackManifest(archive)
	if err != nil || !files {
		return b, err
	}
	room, count := int64(MaxBytes), 0
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) && limited.N > 0 {
			return b, nil
		}
		if err != nil {
			return nil, err
		}
		number, name, _ := strings.Cut(h.Name, "/")
		layer, err := strconv.Atoi(number)
		if err != nil || layer < 0 || layer >= len(b.Layers) || !isRuleFile(name) || strings.ContainsAny(name, `/\`) || len(name) > 255 || h.Typeflag != tar.TypeReg {
			return nil, fmt.Errorf("%.80q is no file of a layer", h.Name)
		}
		if count++; count > MaxFiles {
			return nil, fmt.Errorf("more than %d files", MaxFiles)
		}
		if room -= h.Size; room < 0 {
			return nil, fmt.Errorf("more than %d MiB", MaxBytes>>20)
		}
		data, err := io.ReadAll(archive)
		if err != nil {
			return nil, err
		}
		b.Layers[layer].files.files[name] = &file{name: name, data: data}
	}
}

func unpackManifest(archive *tar.Reader) (*Book, error) {
	h, err := archive.Next()
	if err != nil {
		return nil, err
	}
	if h.Name != manifestFile || h.Size > maxManifest {
		return nil, fmt.Errorf("it begins with %.80q of %d bytes, not with %s", h.Name, h.Size, manifestFile)
	}
	var m manifest
	if err := json.NewDecoder(archive).Decode(&m); err != nil {
		return nil, fmt.Errorf("%s: %w", manifestFile, err)
	}
	if m.Version != bookVersion {
		return nil, fmt.Errorf("packed by another version of this program: %d, want %d", m.Version, bookVersion)
	}
	if len(m.Layers) > MaxLayers {
		return nil, fmt.Errorf("%d layers; the limit is %d", len(m.Layers), MaxLayers)
	}
	b := &Book{Origin: m.Origin}
	for _, name := range m.Layers {
		b.Layers = append(b.Layers, Layer{Name: name, files: directory{files: map[string]*file{}}})
	}
	return b, b.check()
}

// check holds the texts of a book to their limits.
func (b *Book) check() error {
	for what, text := range map[string]string{"source": b.Source, "hash": b.Hash, "author": b.Author, "reason": b.Reason} {
		if err := CheckText(text); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	for i := range b.Layers {
		if err := CheckText(b.Layers[i].Name); err != nil {
			return fmt.Errorf("layer %d: %w", i, err)
		}
	}
	return nil
}

// CheckText rejects a text that is no line of at most [MaxText] bytes.
func CheckText(text string) error {
	switch {
	case len(text) > MaxText:
		return fmt.Errorf("%d bytes; the limit is %d", len(text), MaxText)
	case !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return errors.New("want one line of text")
	}
	return nil
}
