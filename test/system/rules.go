package system

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	rules "headstart/rules.expr"
)

// ShortRules writes the default ruleset to a directory with its durations cut
// to seconds, so that a test doesn't take minutes, and returns the directory.
func ShortRules(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	hurry := strings.NewReplacer("\n  session: 30s\n", "\n  session: 3s\n", "\n  session: 5m\n", "\n  session: 5s\n")
	hurried := 0
	err := fs.WalkDir(rules.Files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(rules.Files, path)
		if err != nil {
			return err
		}
		short := hurry.Replace(string(text))
		if short != string(text) {
			hurried++
		}
		return os.WriteFile(filepath.Join(dir, path), []byte(short), 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	if hurried < 2 {
		t.Fatalf("%d rules of the default ruleset have a known duration, want at least 2", hurried)
	}
	return dir
}
