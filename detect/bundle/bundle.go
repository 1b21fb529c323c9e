// Package bundle holds the files of a set of rules in memory: as they were
// read from directories, or as they were pushed. A book can be packed
// into one value, for a bucket or a checkpoint, and gives back the same files.
//
// It guarantees that what is packed unpacks to the same files under the same
// names, that the same book packs to the same bytes, and that no packed book,
// whoever made it, takes more than [MaxBytes] or names a file that isn't plainly
// in its layer. It is pure: what is read comes through [fs.FS].
package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"headstart/detect/rule"
)

// The limits of a book.
const (
	MaxBytes  = 32 << 20 // of all files
	MaxFiles  = 2 * rule.MaxRules
	MaxLayers = 16
	MaxText   = 500 // bytes of an author, a reason, a source or a layer's name
)

// Book is the files of a set of rules.
type Book struct {
	Origin
	Layers []Layer
}

// Origin is where a book is from.
type Origin struct {
	Source string `json:"source"` // as the user knows it: directories, or pushed
	Hash   string `json:"hash"`   // of the set
	Rules  int    `json:"rules"`  // how many it has

	// Of a book that was pushed:
	Revision uint64    `json:"revision,omitempty"` // from 1
	Author   string    `json:"author,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	At       time.Time `json:"at,omitzero"`
	Restores uint64    `json:"restores,omitempty"` // the revision that a rollback has brought back

	// Digests tells what of a book is another than in the one before: a sum by
	// a rule's id, and by the name of a file that rules share.
	Digests map[string]string `json:"digests,omitempty"`
}

// Layer is a directory of rules, as [rule.Layer].
type Layer struct {
	Name  string
	files directory
}

// Read reads the files of directories. A file that can't be read is in the book
// as one that can't be read, for [rule.LoadLayers] to say so.
func Read(layers []rule.Layer) (*Book, error) {
	if len(layers) > MaxLayers {
		return nil, fmt.Errorf("%d directories of rules; the limit is %d", len(layers), MaxLayers)
	}
	b := new(Book)
	room := int64(MaxBytes)
	for _, l := range layers {
		files, err := readDirectory(l.Files, &room)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.Name, err)
		}
		b.Layers = append(b.Layers, Layer{Name: l.Name, files: files})
	}
	return b, nil
}

func readDirectory(fsys fs.FS, room *int64) (directory, error) {
	d := directory{files: map[string]*file{}}
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		d.err = err
		return d, nil
	}
	for _, e := range entries {
		if e.IsDir() || !isRuleFile(e.Name()) {
			continue
		}
		if len(d.files) >= MaxFiles {
			return d, fmt.Errorf("more than %d files", MaxFiles)
		}
		data, err := readFile(fsys, e.Name())
		if *room -= int64(len(data)); *room < 0 {
			return d, fmt.Errorf("the files of all rules have more than %d MiB", MaxBytes>>20)
		}
		d.files[e.Name()] = &file{name: e.Name(), data: data, err: err}
	}
	return d, nil
}

// isRuleFile reports whether rules look at a file of this name.
func isRuleFile(name string) bool {
	extension := path.Ext(name)
	return (extension == ".yaml" || extension == ".yml") && !strings.HasPrefix(name, ".")
}

// readFile reads one byte more than any file may have: then the loader
// rejects it.
func readFile(fsys fs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, cause(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, rule.MaxLists+1))
	return data, cause(err)
}

func cause(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// RuleLayers returns the layers for [rule.LoadLayers].
func (b *Book) RuleLayers() []rule.Layer {
	layers := make([]rule.Layer, len(b.Layers))
	for i := range b.Layers {
		layers[i] = rule.Layer{Name: b.Layers[i].Name, Files: b.Layers[i].files}
	}
	return layers
}

// Files calls yield for the files of a layer, by name.
func (l *Layer) Files(yield func(name string, data []byte) bool) {
	for _, name := range l.files.names() {
		if !yield(name, l.files.files[name].data) {
			return
		}
	}
}

// Describe records in the book which set its files make.
func (b *Book) Describe(set *rule.Set) {
	b.Hash, b.Rules, b.Digests = set.Hash, len(set.Rules), map[string]string{}
	for _, r := range set.Rules {
		h := sha256.New()
		for _, name := range filesOf(r) {
			h.Write(b.file(name))
			h.Write([]byte{0})
		}
		b.Digests[r.ID] = hex.EncodeToString(h.Sum(nil)[:6])
	}
	for _, shared := range sharedFiles {
		h := sha256.New()
		found := false
		for i := range b.Layers {
			if f := b.Layers[i].files.files[shared]; f != nil {
				found = true
				h.Write(f.data)
				h.Write([]byte{0})
			}
		}
		if found {
			b.Digests[shared] = hex.EncodeToString(h.Sum(nil)[:6])
		}
	}
}

// sharedFiles are what rules have in common.
var sharedFiles = []string{"lists.yaml", "macros.yaml"}

// filesOf returns the files that make a rule.
func filesOf(r *rule.Rule) []string {
	names := []string{r.File}
	if r.TestFile != "" {
		names = append(names, r.TestFile)
	}
	for i := range r.Overrides {
		names = append(names, r.Overrides[i].File)
	}
	return names
}

// file returns a file by its name as rules know it, the layer's before its own.
func (b *Book) file(name string) []byte {
	for i := range b.Layers {
		l := &b.Layers[i]
		if f := l.files.files[path.Base(name)]; f != nil && path.Join(l.Name, f.name) == name {
			return f.data
		}
	}
	return nil
}
