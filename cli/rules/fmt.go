package rules

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

	"headstart/cli/cmdutil"
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

func newFmt() *cobra.Command {
	o := new(fmtOptions)
	c := &cobra.Command{
		Use:   "fmt FILE|DIRECTORY… | -",
		Short: "Format rules",
		Long: `Format rules: fields in one order, one line for each and and or of a long
condition, aligned tables of tests. Comments stay in place, and the meaning stays
the same: a file for which that is not certain is reported and not changed.

Files are rewritten in place. With -, a rule is read from standard input and written
to standard output.`,
		Example: `  headstart rules fmt ./local
  headstart rules fmt ./local --check
  headstart rules fmt - < rule.yaml`,
		Args: cmdutil.Args(cobra.MinimumNArgs(1)),
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
	f.BoolVar(&o.check, "check", false, "list the files that would change, without writing; exit with code 1 if there are any")
	f.BoolVar(&o.diff, "diff", false, "print the changes, without writing")
	f.StringVar(&o.name, "name", "rule.yaml", "file `name` for standard input: lists.yaml, macros.yaml or that of a rule")
	return c
}

// stream formats its input.
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
		return cmdutil.Write(out, udiff.Unified(o.name, o.name+" (formatted)", string(data), string(formatted)))
	case o.check && !bytes.Equal(data, formatted):
		return fmt.Errorf("%s is not formatted", o.name)
	case o.check:
		return nil
	}
	return cmdutil.Write(out, string(formatted))
}

func (o *fmtOptions) run(out, errs io.Writer, paths []string) error {
	files, err := ruleFiles(paths)
	if err != nil {
		return err
	}
	changed, failed := 0, 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return daemon.Usage("%w", err)
		}
		formatted, err := format.File(filepath.Base(file), data)
		if err != nil {
			failed++
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
	case failed > 0:
		return fmt.Errorf("%s could not be formatted", cmdutil.Count(failed, "file"))
	case o.check && changed > 0:
		return fmt.Errorf("%s not formatted: run 'headstart rules fmt'", cmdutil.Count(changed, "file"))
	}
	return nil
}

// change rewrites a file, or reports the change.
func (o *fmtOptions) change(out io.Writer, file string, data, formatted []byte) error {
	if o.diff {
		return cmdutil.Write(out, udiff.Unified(file, file+" (formatted)", string(data), string(formatted)))
	}
	if err := cmdutil.Write(out, file+"\n"); err != nil || o.check {
		return err
	}
	return cmdutil.RewriteFile(file, formatted)
}

// placed sets the name of the file in its mistakes.
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

// ruleFiles returns the named files, and the rule files in the named directories.
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
