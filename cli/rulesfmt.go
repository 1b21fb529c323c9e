package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aymanbagabas/go-udiff"
	"github.com/spf13/cobra"

	"headstart/daemon"
	"headstart/detect/rule"
	"headstart/detect/rule/format"
	"headstart/yamlsrc"
)

// fmtOptions are those of headstart rules fmt.
type fmtOptions struct {
	check, diff bool
	name        string
}

func rulesFmtCommand() *cobra.Command {
	o := new(fmtOptions)
	c := &cobra.Command{
		Use:   "fmt FILE|DIRECTORY… | -",
		Short: "Write rules in the one layout that all have",
		Long: `Write rules in the one layout that all have: fields in one order, long conditions
a line for each and and or, tables of tests aligned. Comments stay where they are,
and what the rules say stays the same: a file of which that isn't certain is left
alone, and said.

Files are written in place. With - a rule is read from standard input and written
to standard output.`,
		Example: `  headstart rules fmt ./local
  headstart rules fmt ./local --check
  headstart rules fmt - < rule.yaml`,
		Args: asUsage(cobra.MinimumNArgs(1)),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(c *cobra.Command, paths []string) error {
			if slices.Equal(paths, []string{"-"}) {
				return o.stream(c.InOrStdin(), c.OutOrStdout())
			}
			return o.run(c.OutOrStdout(), c.ErrOrStderr(), paths)
		},
	}
	f := c.Flags()
	f.BoolVar(&o.check, "check", false, "write nothing; list the files that would change, and exit with code 1 if there are any")
	f.BoolVar(&o.diff, "diff", false, "write nothing; show what would change")
	f.StringVar(&o.name, "name", "rule.yaml", "`name` of the file that - reads, which is lists.yaml, macros.yaml or a rule's")
	return c
}

// stream formats what it reads.
func (o *fmtOptions) stream(in io.Reader, out io.Writer) error {
	data, err := io.ReadAll(io.LimitReader(in, rule.MaxLists+1))
	if err != nil {
		return fmt.Errorf("read standard input: %w", err)
	}
	if len(data) > rule.MaxLists {
		return fmt.Errorf("standard input is larger than %d KiB", rule.MaxLists>>10)
	}
	formatted, err := format.File(filepath.Base(o.name), data)
	switch {
	case err != nil:
		return err
	case o.diff:
		return write(out, udiff.Unified(o.name, o.name+" (formatted)", string(data), string(formatted)))
	case o.check && !bytes.Equal(data, formatted):
		return fmt.Errorf("%s is not formatted", o.name)
	case o.check:
		return nil
	}
	return write(out, string(formatted))
}

func (o *fmtOptions) run(out, errs io.Writer, paths []string) error {
	files, err := ruleFiles(paths)
	if err != nil {
		return err
	}
	changed, refused := 0, 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return daemon.Usage("%w", err)
		}
		formatted, err := format.File(filepath.Base(file), data)
		if err != nil {
			refused++
			fmt.Fprintln(errs, placed(file, err))
			continue
		}
		if bytes.Equal(data, formatted) {
			continue
		}
		changed++
		if err := o.change(out, file, data, formatted); err != nil {
			return err
		}
	}
	switch {
	case refused > 0:
		return fmt.Errorf("%s could not be formatted", count(uint32(refused), "file"))
	case o.check && changed > 0:
		return fmt.Errorf("%s not formatted; 'headstart rules fmt' does it", count(uint32(changed), "file"))
	}
	return nil
}

// change writes a file, or says that it would.
func (o *fmtOptions) change(out io.Writer, file string, data, formatted []byte) error {
	if o.diff {
		return write(out, udiff.Unified(file, file+" (formatted)", string(data), string(formatted)))
	}
	if err := write(out, file+"\n"); err != nil || o.check {
		return err
	}
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	return replaceFile(file, formatted, info.Mode().Perm())
}

// replaceFile writes a file that is whole at every moment.
func replaceFile(name string, data []byte, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".headstart-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err := errors.Join(err, f.Chmod(mode), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return os.Rename(f.Name(), name)
}

// placed names the file in the mistakes of one as the user knows it.
func placed(file string, err error) error {
	var mistakes yamlsrc.Diagnostics
	if !errors.As(err, &mistakes) {
		return err
	}
	for _, m := range mistakes {
		m.File = file
	}
	return mistakes
}

// ruleFiles are the files that are named, and the rules in directories that
// are.
func ruleFiles(paths []string) ([]string, error) {
	var files []string
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, daemon.Usage("%w", err)
		}
		if !info.IsDir() {
			files = append(files, path)
			continue
		}
		entries, err := os.ReadDir(path)
		if err != nil {
			return nil, daemon.Usage("%w", err)
		}
		for _, e := range entries {
			extension := filepath.Ext(e.Name())
			if !e.IsDir() && !strings.HasPrefix(e.Name(), ".") && (extension == ".yaml" || extension == ".yml") {
				files = append(files, filepath.Join(path, e.Name()))
			}
		}
	}
	return files, nil
}
