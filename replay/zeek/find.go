package zeek

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Find returns the files of some names, each once, sorted. A name is a file; a
// directory, which stands for every conn.log at any depth in it, rotated or not,
// named as Zeek and zeekctl name them; or a pattern such as
// logs/2025-06-*/conn.*.log.gz (see path/filepath.Match).
func Find(names []string) ([]string, error) {
	var all []string
	for _, name := range names {
		files, err := find(name)
		if err != nil {
			return nil, err
		}
		if all = append(all, files...); len(all) > maxFiles {
			return nil, fmt.Errorf("%s: more than %d files; name fewer", name, maxFiles)
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

func find(name string) ([]string, error) {
	_, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) && strings.ContainsAny(name, `*?[`) {
		return matches(name)
	}
	if err != nil {
		return nil, err
	}
	return filesOf(name)
}

func matches(pattern string) ([]string, error) {
	names, err := filepath.Glob(pattern)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", pattern, err)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s: no such file", pattern)
	}
	var all []string
	for _, name := range names {
		files, err := filesOf(name)
		if err != nil {
			return nil, err
		}
		all = append(all, files...)
	}
	return all, nil
}

// filesOf returns a file itself, or the files in a directory.
func filesOf(name string) ([]string, error) {
	name = filepath.Clean(name)
	info, err := os.Stat(name)
	if err != nil || !info.IsDir() {
		return []string{name}, err
	}
	var all []string
	// A link to a directory is followed only if it is the given name: zeekctl's
	// "current" is a link into its spool.
	err = filepath.WalkDir(name+string(filepath.Separator), func(file string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && isConnLog(entry.Name()) {
			if all = append(all, filepath.Clean(file)); len(all) > maxFiles {
				err = fmt.Errorf("%s: more than %d files; name fewer", name, maxFiles)
			}
		}
		return err
	})
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("%s: no conn.log in this directory, nor conn.….log or conn.….log.gz", name)
	}
	return all, err
}

// isConnLog recognises conn.log, conn.2025-06-05-10-00-00.log,
// conn.10:00:00-11:00:00.log.gz, conn_20250605.json and the like, but neither
// conn-summary.log nor known_hosts.log.
func isConnLog(name string) bool {
	name = strings.TrimSuffix(name, ".gz")
	if !strings.HasSuffix(name, ".log") && !strings.HasSuffix(name, ".json") && !strings.HasSuffix(name, ".jsonl") {
		return false
	}
	rest, ok := strings.CutPrefix(name, "conn")
	return ok && (rest[0] == '.' || len(rest) > 1 && strings.IndexByte("._-", rest[0]) >= 0 && rest[1] >= '0' && rest[1] <= '9')
}
