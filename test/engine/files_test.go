package engine

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"headstart/test/process"
)

func TestArchiveHoldsWhatWasWritten(t *testing.T) {
	source := t.TempDir()
	for name, content := range map[string]string{"go/build.go": "package", "go/build_test.go": "test", "go/testdata/x": "data"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(source, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(source, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	linked := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(source, linked); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	a := archive{tar.NewWriter(&out)}
	for _, err := range []error{
		a.dir("tmp", anyones),
		a.link("bin/sh", "busybox"),
		a.text("etc/passwd", "root", 0o644),
		a.tree("usr/local", linked, notForBuilding),
		a.Close(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for r := tar.NewReader(&out); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%s %o %s%s", h.Name, h.Mode, h.Linkname, content))
	}
	want := []string{
		"tmp/ 1777 ",
		"bin/sh 777 busybox",
		"etc/passwd 644 root",
		"usr/local/ 755 ",
		"usr/local/go/ 755 ",
		"usr/local/go/build.go 644 package",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestCheckStatic(t *testing.T) {
	const program = "headstart/test/process/testdata/hello"
	if err := checkStatic(process.Build(t, program)[program]); err != nil {
		t.Errorf("a static program: %v", err)
	}
	if err := checkStatic(process.BuildRace(t, program)[program]); err == nil {
		t.Error("a dynamic program counts as static")
	}
}

func TestRemoveAllUnmounts(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("this test mounts a file system and needs root: run it with sudo, or `make unit` for all tests that don't need root")
	}
	dir := filepath.Join(t.TempDir(), "engine")
	for _, inner := range []string{"data/layer", "data/layer/inner"} {
		target := filepath.Join(dir, inner)
		if err := os.MkdirAll(target, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount("none", target, "tmpfs", 0, ""); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Unmount(target, unix.MNT_DETACH) })
	}
	if err := removeAll(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the directory is still there: %v", err)
	}
}
