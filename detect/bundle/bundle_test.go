package bundle_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"headstart/detect/bundle"
	"headstart/detect/rule"
	rulepack "headstart/rules.expr"
)

func ruleFile(id, when string) string {
	return "rule: " + id + "\ntitle: T\nseverity: low\nwhen: " + when + "\n"
}

// directory makes files of names and texts in turn.
func directory(namesAndTexts ...string) fstest.MapFS {
	files := fstest.MapFS{}
	for i := 0; i < len(namesAndTexts); i += 2 {
		files[namesAndTexts[i]] = &fstest.MapFile{Data: []byte(namesAndTexts[i+1])}
	}
	return files
}

func read(t *testing.T, layers ...rule.Layer) *bundle.Book {
	t.Helper()
	b, err := bundle.Read(layers)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBundleRoundTrip(t *testing.T) {
	b := read(t, rule.Layer{Name: "default", Files: rulepack.Files},
		rule.Layer{Name: "./local", Files: directory("own.yaml", ruleFile("own", "conn.open"), ".hidden.yaml", "x", "notes.txt", "x", "sub/rule.yaml", "x")})
	set, err := rule.LoadLayers(b.RuleLayers(), nil)
	if err != nil {
		t.Fatal(err)
	}
	b.Describe(set)
	b.Source, b.Revision, b.Author, b.Reason, b.At = "pushed", 7, "ann", "because", time.Date(2026, 6, 5, 12, 0, 0, 0, time.UTC)
	packed, err := b.Pack()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := b.Pack(); err != nil || !bytes.Equal(packed, again) {
		t.Error("packed again it is another")
	}
	got, err := bundle.Unpack(packed)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, b) {
		t.Errorf("got %+v, want %+v", got.Origin, b.Origin)
	}
	if names := slices.Collect(func(yield func(string) bool) {
		for name := range got.Layers[1].Files {
			yield(name)
		}
	}); !slices.Equal(names, []string{"own.yaml"}) {
		t.Errorf("the local layer has %v", names)
	}
	origin, err := bundle.UnpackOrigin(packed)
	if err != nil || !reflect.DeepEqual(origin, b.Origin) {
		t.Errorf("got %+v, %v", origin, err)
	}
	same, err := rule.LoadLayers(got.RuleLayers(), nil)
	if err != nil || same.Hash != set.Hash || len(same.Rules) != len(set.Rules) {
		t.Errorf("it loads to another set: %v", err)
	}
	t.Logf("%d rules are packed to %d bytes", len(set.Rules), len(packed))
}

func TestWhatCannotBeReadIsSaidWhereItIsLoaded(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("loop.yaml", filepath.Join(dir, "loop.yaml")); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		files fs.FS
		want  string
	}{
		"a link to itself":     {os.DirFS(dir), "loop.yaml: can't be read: too many levels"},
		"no such directory":    {os.DirFS(filepath.Join(dir, "nowhere")), "local: can't be read: no such file"},
		"a file too large":     {directory("a.yaml", strings.Repeat("#", rule.MaxFile+1)), "larger than 64 KiB"},
		"the largest of files": {directory("lists.yaml", strings.Repeat("#", rule.MaxLists+1), "a.yaml", ruleFile("a", "conn.open")), "larger than 1024 KiB"},
	} {
		t.Run(name, func(t *testing.T) {
			layers := []rule.Layer{{Name: "local", Files: test.files}}
			_, direct := rule.LoadLayers(layers, nil)
			_, err := rule.LoadLayers(read(t, layers...).RuleLayers(), nil)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if direct == nil || err == nil || direct.Error() != err.Error() {
				t.Errorf("read directly it is %v", direct)
			}
		})
	}
}

func TestTooMuchIsRejected(t *testing.T) {
	large := fstest.MapFS{}
	for i := range 600 {
		large[fmt.Sprintf("r%d.yaml", i)] = &fstest.MapFile{Data: make([]byte, 64<<10)}
	}
	if _, err := bundle.Read([]rule.Layer{{Name: "large", Files: large}}); err == nil || !strings.Contains(err.Error(), "32 MiB") {
		t.Errorf("got %v", err)
	}
	if _, err := bundle.Read(make([]rule.Layer, bundle.MaxLayers+1)); err == nil {
		t.Error("any number of directories is read")
	}
}

func TestChangesAreReported(t *testing.T) {
	describe := func(files fstest.MapFS) *bundle.Book {
		b := read(t, rule.Layer{Name: "x", Files: files})
		set, err := rule.LoadLayers(b.RuleLayers(), nil)
		if err != nil {
			t.Fatal(err)
		}
		b.Describe(set)
		return b
	}
	lists := "ports:\n  web: [80]\n"
	before := describe(directory("lists.yaml", lists, "a.yaml", ruleFile("a", "conn.open"), "b.yaml", ruleFile("b", "conn.port in ports.web"), "c.yaml", ruleFile("c", "conn.open")))
	after := describe(directory("lists.yaml", lists+"  more: [81]\n", "other.yaml", ruleFile("a", "conn.open"), "b.yaml", ruleFile("b", "conn.port == 1"), "d.yaml", ruleFile("d", "conn.port in ports.more")))
	want := bundle.Change{Added: []string{"d"}, Changed: []string{"b", "lists.yaml"}, Removed: []string{"c"}}
	if got := after.Since(&before.Origin); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	t.Run("an override", func(t *testing.T) {
		layers := []rule.Layer{{Name: "x", Files: directory("a.yaml", ruleFile("a", "conn.open"), "b.yaml", ruleFile("b", "conn.open"))}}
		of := func(layers ...rule.Layer) *bundle.Book {
			b := read(t, layers...)
			set, err := rule.LoadLayers(b.RuleLayers(), nil)
			if err != nil {
				t.Fatal(err)
			}
			b.Describe(set)
			return b
		}
		before := of(layers...)
		after := of(append(layers, rule.Layer{Name: "local", Files: directory("b.yaml", "override: b\nseverity: high\n")})...)
		if got, want := after.Since(&before.Origin), (bundle.Change{Changed: []string{"b"}}); !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
	if got := after.Since(&after.Origin); !reflect.DeepEqual(got, bundle.Change{}) {
		t.Errorf("nothing has changed, got %+v", got)
	}
}

// archive packs files as somebody else would.
func archive(t testing.TB, namesAndTexts ...string) []byte {
	t.Helper()
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	w := tar.NewWriter(zip)
	for i := 0; i < len(namesAndTexts); i += 2 {
		if err := w.WriteHeader(&tar.Header{Name: namesAndTexts[i], Size: int64(len(namesAndTexts[i+1])), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(namesAndTexts[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

const book = `{"version":1,"layers":["x"]}`

func TestHostileBundlesAreRejected(t *testing.T) {
	bomb := make([]string, 0, 2*40)
	bomb = append(bomb, "book.json", book)
	for i := range 40 {
		bomb = append(bomb, fmt.Sprintf("0/%d.yaml", i), strings.Repeat(" ", 1<<20))
	}
	for name, packed := range map[string][]byte{
		"nothing":               nil,
		"no archive":            []byte("hello"),
		"an empty archive":      archive(t),
		"no manifest":           archive(t, "0/a.yaml", "x"),
		"no JSON":               archive(t, "book.json", "x"),
		"another version":       archive(t, "book.json", `{"version":2}`),
		"too many layers":       archive(t, "book.json", `{"version":1,"layers":[`+strings.Repeat(`"x",`, 16)+`"x"]}`),
		"a layer of no name":    archive(t, "book.json", `{"version":1,"layers":["a\nb"]}`),
		"an author of a novel":  archive(t, "book.json", `{"version":1,"author":"`+strings.Repeat("a", 501)+`"}`),
		"a layer that is not":   archive(t, "book.json", book, "1/a.yaml", "x"),
		"a layer below zero":    archive(t, "book.json", book, "-1/a.yaml", "x"),
		"a path":                archive(t, "book.json", book, "0/../../etc/a.yaml", "x"),
		"a path with backslash": archive(t, "book.json", book, `0/..\a.yaml`, "x"),
		"an absolute path":      archive(t, "book.json", book, "/0/a.yaml", "x"),
		"another kind of file":  archive(t, "book.json", book, "0/a.sh", "x"),
		"a hidden file":         archive(t, "book.json", book, "0/.a.yaml", "x"),
		"a bomb":                archive(t, bomb...),
		"one that is cut off":   archive(t, "book.json", book, "0/a.yaml", strings.Repeat("x", 4096))[:80],
	} {
		t.Run(name, func(t *testing.T) {
			if b, err := bundle.Unpack(packed); err == nil {
				t.Errorf("got %+v", b)
			}
		})
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(archive(f, "book.json", book, "0/a.yaml", ruleFile("a", "true")))
	f.Add(archive(f, "book.json", `{"version":1,"layers":["x","y"],"author":"a","digests":{"a":"b"}}`, "1/lists.yaml", "x"))
	f.Fuzz(func(t *testing.T, packed []byte) {
		b, err := bundle.Unpack(packed)
		if err != nil {
			return
		}
		again, err := b.Pack()
		if err != nil {
			t.Fatal(err)
		}
		same, err := bundle.Unpack(again)
		if err != nil {
			t.Fatal(err)
		}
		if len(same.Layers) != len(b.Layers) || same.Hash != b.Hash {
			t.Errorf("%+v becomes %+v", b, same)
		}
	})
}
