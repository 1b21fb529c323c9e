package cmdutil

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	xterm "golang.org/x/term"

	"headstart/daemon"
	"headstart/term"
)

// Output is a command's flag --output: the format in which it prints.
type Output struct {
	Format  string
	formats []string
}

// Flag defines the flag. Each format is a name, with a note in parentheses
// where it needs one; the first is the default.
func (o *Output) Flag(f interface {
	StringVar(p *string, name, value, usage string)
}, formats ...string) {
	for _, format := range formats {
		name, _, _ := strings.Cut(format, " ")
		o.formats = append(o.formats, name)
	}
	f.StringVar(&o.Format, "output", o.formats[0], "output `format`: "+orList(formats))
}

// JSONOutput returns the output of a command that another one calls.
func JSONOutput() Output { return Output{Format: "json", formats: []string{"json"}} }

// Define defines the flag on a command and offers its formats as completions.
func (o *Output) Define(c *cobra.Command, formats ...string) {
	o.Flag(c.Flags(), formats...)
	o.Complete(c)
}

// Complete offers the formats as completions.
func (o *Output) Complete(c *cobra.Command) { Complete(c, "output", o.formats...) }

// Check returns a usage error for an unknown format.
func (o *Output) Check() error {
	if !slices.Contains(o.formats, o.Format) {
		return daemon.Usage("--output %q: want %s", o.Format, orList(o.formats))
	}
	return nil
}

// JSON reports whether the format is json.
func (o *Output) JSON() bool { return o.Format == "json" }

func orList(names []string) string {
	last := len(names) - 1
	if last == 0 {
		return names[0]
	}
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// Page returns a page with colors and the width of the terminal that out is, if
// it is one. NO_COLOR (no-color.org) disables colors.
func Page(out io.Writer) term.Page {
	f, ok := out.(*os.File)
	if !ok || !xterm.IsTerminal(int(f.Fd())) {
		return term.Page{}
	}
	columns, _, err := xterm.GetSize(int(f.Fd()))
	if err != nil {
		columns = 0
	}
	return term.Page{Colour: os.Getenv("NO_COLOR") == "", Columns: columns}
}

// Header returns the cells of a table's header.
func Header(names ...string) (spans []term.Span) {
	for _, n := range names {
		spans = append(spans, term.Faint.Of(n))
	}
	return spans
}

// Count returns a number with its noun, in the plural where needed.
func Count[N int | uint32](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Write writes text.
func Write(w io.Writer, text string) error {
	_, err := io.WriteString(w, text)
	return err
}

// WriteJSON writes each value as one line of JSON that is safe to print on a
// terminal.
func WriteJSON[T any](w io.Writer, values ...T) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	for _, v := range values {
		if err := e.Encode(v); err != nil {
			return err
		}
	}
	return Write(w, term.PlainJSON(b.Bytes()))
}

// PlainLines replaces the control characters of each line, so that the content
// of a file can't control the terminal.
func PlainLines(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		line, ended := strings.CutSuffix(line, "\n")
		b.WriteString(term.Plain(line))
		if ended {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// ReplaceFile replaces a file atomically. Only its owner may read it: it
// describes the weak points of a network.
func ReplaceFile(name string, do func(io.Writer) error) error {
	return replaceFile(name, 0o600, do)
}

// RewriteFile replaces the content of a file atomically and keeps its mode.
func RewriteFile(name string, data []byte) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	return replaceFile(name, info.Mode().Perm(), func(w io.Writer) error { _, err := w.Write(data); return err })
}

func replaceFile(name string, mode os.FileMode, do func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".headstart-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	defer os.Remove(f.Name())
	if err := errors.Join(do(f), f.Chmod(mode), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return os.Rename(f.Name(), name)
}
