package rules

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"headstart/cli/cmdutil"
	"headstart/daemon"
	"headstart/detect/bundle"
	"headstart/rulestore"
)

func newPull() *cobra.Command {
	out := ""
	c := &cobra.Command{
		Use:   "pull [REVISION] --out DIRECTORY",
		Short: "Download the pushed rules into a directory",
		Long: `Download the files of a revision of the pushed rules, by default the newest, into a
directory, which must be new or empty. Rules that were pushed as several layers
become one numbered subdirectory each.

'headstart rules push' of the directory then rejects the push if the rules have
been changed meanwhile.`,
		Example: `  headstart rules pull --out ./rules
  headstart rules pull 7 --out ./rules-7`,
		Args: cmdutil.Args(cobra.MaximumNArgs(1)),
	}
	cl := cmdutil.NewClient(c, func(f *daemon.Flags) {
		f.StringVar(&out, "out", "", "`directory` to write to, new or empty")
	})
	c.MarkFlagDirname("out")
	c.RunE = func(c *cobra.Command, args []string) error {
		var revision uint64
		check := func() (err error) {
			if out == "" {
				return daemon.Usage("--out: want a directory to write to")
			}
			if entries, err := os.ReadDir(out); err == nil && len(entries) > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
				return daemon.Usage("--out %s: want a directory that is new or empty", out)
			}
			revision, err = revisionOf(args)
			return err
		}
		return onStore(cl, c, check, func(ctx context.Context, store *rulestore.Store) error {
			book, err := bookOf(ctx, store, revision)
			if err != nil {
				return err
			}
			dirs, err := unfold(book, out)
			if err != nil {
				return err
			}
			return cmdutil.Write(c.OutOrStdout(), fmt.Sprintf("revision %d is in %s\n", book.Revision, strings.Join(dirs, " ")))
		})
	}
	return c
}

var notInNames = regexp.MustCompile(`[^A-Za-z0-9_-]+`)

// unfold writes the files of a bundle, and returns the directories in the order
// for push.
func unfold(book *bundle.Book, out string) ([]string, error) {
	var dirs []string
	for i := range book.Layers {
		l := &book.Layers[i]
		dir := out
		if len(book.Layers) > 1 {
			name := strings.Trim(notInNames.ReplaceAllString(filepath.Base(l.Name), "-"), "-")
			dir = filepath.Join(out, strings.TrimSuffix(fmt.Sprintf("%d-%.40s", i+1, name), "-"))
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
		for name, data := range l.Files {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
				return nil, err
			}
		}
		if err := notePulled(dir, book.Revision); err != nil {
			return nil, err
		}
		dirs = append(dirs, dir)
	}
	return dirs, nil
}

// pulledNote is a file in a pulled directory. Rules ignore it.
const pulledNote = ".headstart-pulled.json"

type pulled struct {
	Revision uint64 `json:"revision"`
}

func notePulled(dir string, revision uint64) error {
	data, err := json.Marshal(pulled{revision})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, pulledNote), append(data, '\n'), 0o644)
}

// pulledFrom returns the pulled ones of the directories, and the oldest revision
// of them; nil if there are none.
func pulledFrom(dirs []string) (found []string, oldest *uint64) {
	for _, dir := range dirs {
		data, err := os.ReadFile(filepath.Join(dir, pulledNote))
		var p pulled
		if err != nil || json.Unmarshal(data, &p) != nil {
			continue
		}
		found = append(found, dir)
		if oldest == nil || p.Revision < *oldest {
			oldest = &p.Revision
		}
	}
	return found, oldest
}
