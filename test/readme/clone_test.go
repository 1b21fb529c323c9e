// Package readme_test runs the commands that the documents give a new user, in a
// fresh copy of the repository.
package readme_test

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// clone copies what a commit of everything here would hold: files that are tracked or
// could be, without those that git ignores.
func clone(t *testing.T) string {
	t.Helper()
	root := repository(t)
	to := t.TempDir()
	for file := range strings.SplitSeq(git(t, root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"), "\x00") {
		if file == "" {
			continue
		}
		from := filepath.Join(root, file)
		info, err := os.Lstat(from)
		if os.IsNotExist(err) {
			continue // deleted, but not in the index
		}
		if err != nil {
			t.Fatal(err)
		}
		copyFile(t, from, filepath.Join(to, file), info.Mode().Perm())
	}
	return to
}

func repository(t *testing.T) string {
	t.Helper()
	return strings.TrimSpace(git(t, ".", "rev-parse", "--show-toplevel"))
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	// The tests run as root on a repository that another user may own.
	out, err := exec.CommandContext(t.Context(), "git", append([]string{"-c", "safe.directory=*", "-C", dir}, args...)...).Output()
	if err != nil {
		t.Fatalf("git %s: %v", strings.Join(args, " "), err)
	}
	return string(out)
}

func copyFile(t *testing.T, from, to string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	source, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(target, source); err != nil {
		t.Fatal(err)
	}
	if err := target.Close(); err != nil {
		t.Fatal(err)
	}
}
