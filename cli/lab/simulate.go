// Package lab holds the commands that measure detection on synthetic companies:
// headstart simulate, score and evaluate.
package lab

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"headstart/cli/cmdutil"
	"headstart/daemon"
	"headstart/lab/simulate"
)

// simulateOptions are those of headstart simulate.
type simulateOptions struct {
	dir     string
	start   string
	gzip    bool
	company simulate.Options
}

// NewSimulate returns the command headstart simulate.
func NewSimulate() *cobra.Command {
	o := new(simulateOptions)
	c := &cobra.Command{
		Use:   "simulate --dir DIRECTORY",
		Short: "Generate the traffic of a synthetic company with intrusions",
		Long: `Generate a synthetic company: its hosts, its network traffic over some days, and
intrusions in it. The same seed generates the same company, byte for byte.

It writes into --dir
  conn.log         what a network sensor would have logged (Zeek, JSON lines)
  inventory.yaml   the hosts, for headstart replay
  truth.json       the attackers' actions, and unusual but harmless events

Kinds of intrusion: exploratory, aggressive, targeted, slow, reference (the
incident of 14:30 to 17:30 in headstart's design). Levels of stealth: 0 is noisy,
at any hour; 1 stays within working hours and common services; 2 uses only edges
that the company uses as well.

truth.json is one object: seed, start, end, learn_until, intrusions (id, kind,
stealth, entry, start, end, connections) and benign (kind, start, end, hosts,
note). Each connection of an intrusion is a row of conn.log: at, until, source,
destination, port, source_port, state and history (Zeek's), kind (entry, scan,
move, goal, c2, exfil), success, lateral (between two internal addresses),
monitored_source and monitored_destination.`,
		Example: `  headstart simulate --dir /tmp/company --seed 7 --intrusions 1
  headstart simulate --dir /tmp/company --seed 8 --intrusions 2 --kind slow,targeted --stealth 2`,
		Args: cmdutil.Args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if o.dir == "" {
				return daemon.Usage("--dir: want a directory to write to")
			}
			start, err := time.Parse(time.DateOnly, o.start)
			if err != nil {
				return daemon.Usage("--start %q: want a date such as 2025-06-02", o.start)
			}
			o.company.Start = start
			s, err := simulate.Simulate(o.company)
			if err != nil {
				return daemon.Usage("%w", err)
			}
			if err := o.write(s); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s, %s in %s\n", cmdutil.Count(s.Rows(), "connection"), cmdutil.Count(len(s.Truth().Intrusions), "intrusion"), o.dir)
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&o.dir, "dir", "", "`directory` to write to, created if missing")
	f.BoolVar(&o.gzip, "gzip", false, "write conn.log.gz in the place of conn.log")
	f.Uint64Var(&o.company.Seed, "seed", 1, "`number` that determines the company")
	f.StringVar(&o.start, "start", "2025-06-02", "first `day`, from midnight UTC")
	f.IntVar(&o.company.Days, "days", 10, "`number` of days, 1 to 60")
	f.IntVar(&o.company.Hosts, "hosts", 50, "`number` of hosts, 10 to 500")
	f.IntVar(&o.company.Intrusions, "intrusions", 1, "`number` of intrusions, 0 to 20")
	f.StringSliceVar(&o.company.Kinds, "kind", nil, "`kinds` of intrusion, in turn: exploratory, aggressive, targeted, slow, reference (default: all except reference)")
	f.IntSliceVar(&o.company.Stealth, "stealth", nil, "`levels` of stealth, in turn: 0, 1, 2 (default: all)")
	f.DurationVar(&o.company.Learn, "learn", 96*time.Hour, "`duration` at the start without intrusions")
	cmdutil.Complete(c, "kind", simulate.Kinds()...)
	c.MarkFlagDirname("dir")
	return c
}

// write writes the three files.
func (o *simulateOptions) write(s *simulate.Simulation) error {
	if err := os.MkdirAll(o.dir, 0o755); err != nil {
		return err
	}
	name, log := "conn.log", s.WriteLog
	if o.gzip {
		name, log = "conn.log.gz", func(w io.Writer) error {
			z, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
			if err != nil {
				return err
			}
			return errors.Join(s.WriteLog(z), z.Close())
		}
	}
	for _, file := range []struct {
		name  string
		write func(io.Writer) error
	}{
		{name, log},
		{"inventory.yaml", s.WriteInventory},
		{"truth.json", func(w io.Writer) error {
			e := json.NewEncoder(w)
			e.SetIndent("", " ")
			return e.Encode(s.Truth())
		}},
	} {
		f, err := os.Create(filepath.Join(o.dir, file.name))
		if err != nil {
			return err
		}
		if err := errors.Join(file.write(f), f.Close()); err != nil {
			return fmt.Errorf("write %s: %w", f.Name(), err)
		}
	}
	return nil
}
