package incidents

import (
	"context"
	"errors"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"headstart/bus"
	"headstart/cli/cmdutil"
	"headstart/daemon"
	"headstart/report"
)

// reportOptions are those of headstart incidents report.
type reportOptions struct {
	output cmdutil.Output
	file   string
}

func newReport() *cobra.Command {
	o := new(reportOptions)
	c := &cobra.Command{
		Use:   "report ID",
		Short: "Write an incident as Markdown, JSON or HTML",
		Long: `Write an incident as Markdown for a ticket, as JSON, or as one HTML file that
needs no other files and no network. All times are in UTC.`,
		Example: `  headstart incidents report 051f4dfe > ticket.md
  headstart incidents report 051f4dfe --out incident.html`,
		Args: oneID,
	}
	cl := cmdutil.NewClient(c, func(f *daemon.Flags) {
		o.output.Flag(f, "markdown", "json", "html")
		o.output.Format = ""
		f.Lookup("output").DefValue = ""
		f.Lookup("output").Usage = "output `format`: markdown, json or html (default: by the extension of --out, or markdown)"
		f.StringVar(&o.file, "out", "", "`file` to write, replaced if it exists (default: standard output)")
		f.EnvName("output", "HEADSTART_REPORT_OUTPUT")
		f.EnvName("out", "HEADSTART_REPORT_OUT")
	})
	c.ValidArgsFunction = completeIDs(cl)
	cmdutil.Renamed(c, "format", "output")
	o.output.Complete(c)
	c.MarkFlagFilename("out", "md", "html", "json")
	c.RunE = func(c *cobra.Command, args []string) error {
		return cl.Run(c, o.check, func(ctx context.Context, b *bus.Bus) error {
			i, err := find(ctx, b, args[0])
			if err != nil {
				return err
			}
			r := report.New(i, report.Options{})
			if o.file == "" {
				return o.write(r, c.OutOrStdout())
			}
			return cmdutil.ReplaceFile(o.file, func(w io.Writer) error { return o.write(r, w) })
		})
	}
	return c
}

// check chooses the format by the extension of the file if none is set.
func (o *reportOptions) check() error {
	if o.output.Format == "" {
		o.output.Format = "markdown"
		if f, ok := map[string]string{".html": "html", ".htm": "html", ".json": "json"}[filepath.Ext(o.file)]; ok {
			o.output.Format = f
		}
	}
	return o.output.Check()
}

func (o *reportOptions) write(r *report.Report, w io.Writer) error {
	switch o.output.Format {
	case "json":
		text, err := r.JSON()
		return errors.Join(err, cmdutil.Write(w, text))
	case "html":
		return r.HTML(w)
	}
	return cmdutil.Write(w, r.Markdown())
}
