package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"headstart/bus"
	"headstart/daemon"
	"headstart/report"
)

func incidentsShowCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "show ID",
		Short: "Show an incident: hosts, path, timeline, what is next to it, and what to do",
		Example: `  headstart incidents show 051f4dfe
  headstart incidents show 051f4dfe | less`,
		Args: oneID,
	}
	cl := newClient(c, nil)
	c.ValidArgsFunction = cl.complete
	c.RunE = func(c *cobra.Command, args []string) error {
		return cl.ask(c, noCheck, func(ctx context.Context, b *bus.Bus) error {
			i, err := find(ctx, b, args[0])
			if err != nil {
				return err
			}
			text := report.New(i, report.Options{Zone: time.Local}).Text(pageOf(c.OutOrStdout()))
			_, err = io.WriteString(c.OutOrStdout(), text)
			return err
		})
	}
	return c
}

func noCheck() error { return nil }

// reportWriter writes a report in one format.
type reportWriter func(*report.Report, io.Writer) error

// formats are those of a report, by the endings of files.
var formats = map[string]string{".md": "markdown", ".html": "html", ".htm": "html", ".json": "json"}

func incidentsReportCommand() *cobra.Command {
	format, file := "", ""
	c := &cobra.Command{
		Use:   "report ID",
		Short: "Write an incident as Markdown, JSON, or one HTML file",
		Long: `Write an incident as Markdown for a ticket, as JSON, or as one HTML file that
needs no other and no network. All times are in UTC.`,
		Example: `  headstart incidents report 051f4dfe > ticket.md
  headstart incidents report 051f4dfe --out incident.html`,
		Args: oneID,
	}
	cl := newClient(c, func(f *daemon.Flags) {
		f.StringVar(&format, "format", "", "`format`: markdown, json or html (default: what the name of --out ends with, or markdown)")
		f.StringVar(&file, "out", "", "`file` to write to, replaced if it is there (default: standard output)")
		f.EnvName("format", "HEADSTART_REPORT_FORMAT")
		f.EnvName("out", "HEADSTART_REPORT_OUT")
	})
	c.ValidArgsFunction = cl.complete
	complete(c, "format", "markdown", "json", "html")
	c.MarkFlagFilename("out", "md", "html", "json")
	c.RunE = func(c *cobra.Command, args []string) error {
		var write reportWriter
		check := func() (err error) {
			write, err = writerFor(format, file)
			return err
		}
		return cl.ask(c, check, func(ctx context.Context, b *bus.Bus) error {
			i, err := find(ctx, b, args[0])
			if err != nil {
				return err
			}
			r := report.New(i, report.Options{})
			if file == "" {
				return write(r, c.OutOrStdout())
			}
			return writeFileWith(file, func(w io.Writer) error { return write(r, w) })
		})
	}
	return c
}

// writerFor returns what writes a report in a format, which the name of a file
// stands for if nothing is said.
func writerFor(format, file string) (reportWriter, error) {
	if format == "" {
		format = "markdown"
		if f, ok := formats[filepath.Ext(file)]; ok {
			format = f
		}
	}
	switch format {
	case "markdown":
		return func(r *report.Report, w io.Writer) error { return write(w, r.Markdown()) }, nil
	case "json":
		return func(r *report.Report, w io.Writer) error {
			text, err := r.JSON()
			return errors.Join(err, write(w, text))
		}, nil
	case "html":
		return (*report.Report).HTML, nil
	}
	return nil, daemon.Usage("--format %q: want markdown, json or html", format)
}

func write(w io.Writer, text string) error {
	_, err := io.WriteString(w, text)
	return err
}

// writeFileWith replaces a file, which only its owner may read: it says where
// the company is open.
func writeFileWith(name string, do func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".headstart-*") // for nobody else to read
	if err != nil {
		return daemon.Usage("--out: %w", err)
	}
	defer os.Remove(f.Name())
	if err := errors.Join(do(f), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return os.Rename(f.Name(), name)
}
