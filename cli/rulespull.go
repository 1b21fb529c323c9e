package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"headstart/bus"
	"headstart/daemon"
	"headstart/detect/bundle"
	"headstart/rulestore"
)

func rulesPullCommand() *cobra.Command {
	out := ""
	c := &cobra.Command{
		Use:   "pull [REVISION] --out DIRECTORY",
		Short: "Write rules that were pushed to a directory",
		Long: `Write the files of the newest revision of the pushed rules, or of another, to a
directory, which must be new or empty. Rules that were pushed as several layers
become a directory each below it, numbered in their order.

'headstart rules push' of the directory then refuses to push over what somebody
else has pushed since.`,
		Example: `  headstart rules pull --out ./rules
  headstart rules pull 7 --out ./rules-7`,
		Args: asUsage(cobra.MaximumNArgs(1)),
	}
	cl := newClient(c, func(f *daemon.Flags) {
		f.StringVar(&out, "out", "", "`directory` to write to")
	})
	c.MarkFlagDirname("out")
	c.RunE = func(c *cobra.Command, args []string) error {
		var revision uint64
		check := func() (err error) {
			if out == "" {
				return daemon.Usage("--out: name the directory to write to")
			}
			if entries, err := os.ReadDir(out); err == nil && len(entries) > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
				return daemon.Usage("--out %s: want a directory that is new or empty", out)
			}
			revision, err = revisionOf(args)
			return err
		}
		return cl.ask(c, check, func(ctx context.Context, b *bus.Bus) error {
			store, err := rulestore.Open(ctx, b)
			if err != nil {
				return noRules(err)
			}
			book, err := bookOf(ctx, store, revision)
			if err != nil {
				return err
			}
			dirs, err := unfold(book, out)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "revision %d is in %s\n", book.Revision, strings.Join(dirs, " "))
			return nil
		})
	}
	return c
}

// revisionOf reads the revision that a command line names; 0 is the newest.
func revisionOf(args []string) (uint64, error) {
	if len(args) == 0 {
		return 0, nil
	}
	n, err := strconv.ParseUint(args[0], 10, 63)
	if err != nil || n == 0 {
		return 0, daemon.Usage("%q is no revision: want a number that 'headstart rules history' lists", args[0])
	}
	return n, nil
}

// bookOf returns a revision; 0 is the newest.
func bookOf(ctx context.Context, store *rulestore.Store, revision uint64) (*bundle.Book, error) {
	if revision > 0 {
		return store.Book(ctx, revision)
	}
	book, err := store.Newest(ctx)
	if err == nil && book == nil {
		err = &rulestore.UnknownError{}
	}
	return book, err
}

var notInNames = regexp.MustCompile(`[^A-Za-z0-9_-]+`)

// unfold writes the files of a book and returns the directories, as push takes
// them.
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

// pulledNote is a file in a directory that was pulled. Rules don't look at it.
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

// pulledFrom returns which directories were pulled, and the oldest revision of
// them; nil when none was.
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
