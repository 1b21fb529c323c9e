// Package hosts is the command headstart hosts.
package hosts

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"headstart/bus"
	"headstart/cli/cmdutil"
	"headstart/daemon"
	"headstart/event"
	"headstart/term"
)

// NewCommand returns the command.
func NewCommand() *cobra.Command {
	var output cmdutil.Output
	c := &cobra.Command{
		Use:   "hosts",
		Short: "List the hosts of a running system, and those that are silent",
		Long: `List the hosts that report to a running system: the age of their last snapshot,
their polling interval and clock offset, what was open, and how many snapshots are
missing before the last one.

A host is late after three of its intervals without a snapshot, at least two
minutes, and gone after twenty, at least 15 minutes.`,
		Example: `  headstart hosts
  headstart hosts --output json | jq -r 'select(.state == "gone") | .host'`,
		Args: cmdutil.Args(cobra.NoArgs),
	}
	cl := cmdutil.NewClient(c, func(f *daemon.Flags) { output.Flag(f, "text", "json (JSON lines)") })
	output.Complete(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		return cl.Run(c, output.Check, func(ctx context.Context, b *bus.Bus) error {
			hosts, unreadable, err := lastOfHosts(ctx, b, time.Now())
			if err != nil {
				return err
			}
			if unreadable > 0 {
				fmt.Fprintf(c.ErrOrStderr(), "unreadable: the last message of %s\n", cmdutil.Count(unreadable, "host"))
			}
			switch {
			case output.JSON():
				return cmdutil.WriteJSON(c.OutOrStdout(), hosts...)
			case len(hosts) == 0:
				return cmdutil.Write(c.ErrOrStderr(), "no host has reported yet\n")
			}
			return cmdutil.Write(c.OutOrStdout(), hostsText(hosts, cmdutil.Page(c.OutOrStdout())))
		})
	}
	return c
}

// reporting is a host as its last message describes it.
type reporting struct {
	Type      string          `json:"type"`
	Host      string          `json:"host"`
	State     string          `json:"state"` // reports, late or gone
	Addresses []event.Address `json:"addresses,omitempty"`
	Roles     []string        `json:"roles,omitempty"`
	At        time.Time       `json:"last_snapshot_at"` // on the stream's clock
	Age       event.Seconds   `json:"age_seconds"`
	Interval  event.Seconds   `json:"interval_seconds"`
	Offset    event.Seconds   `json:"clock_offset_seconds"` // to add to the host's clock
	Open      uint32          `json:"open"`                 // connections
	Listening uint32          `json:"listening"`            // ports
	Missed    uint64          `json:"missed"`               // snapshots before the last one
}

// lastOfHosts reads the last message of every host, by name.
func lastOfHosts(ctx context.Context, b *bus.Bus, now time.Time) (hosts []reporting, unreadable int, err error) {
	var decoder event.ChangesDecoder
	last := map[string]reporting{}
	err = b.Last(ctx, event.StreamConnections, "connection.*", func(m bus.Message) error {
		changes := new(event.Changes)
		if err := decoder.Decode(m.Data, changes); err != nil || event.ConnectionSubject(changes.Host) != m.Subject {
			unreadable++
			return nil
		}
		last[changes.Host] = reportingHost(changes, m.StoredAt, now)
		return nil
	})
	if err = cmdutil.MissingStream(err, "tracker"); err != nil {
		return nil, 0, err
	}
	for _, h := range last {
		hosts = append(hosts, h)
	}
	slices.SortFunc(hosts, func(a, b reporting) int { return strings.Compare(a.Host, b.Host) })
	return hosts, unreadable, nil
}

func reportingHost(changes *event.Changes, storedAt, now time.Time) reporting {
	at := changes.StreamTime(changes.ObservedAt)
	if at.After(storedAt) {
		at = storedAt // not after it was stored
	}
	age := max(0, now.Sub(at))
	return reporting{
		Type: "host", Host: changes.Host, State: silence(age, changes.Interval), Addresses: changes.Addresses, Roles: changes.Roles,
		At: at.UTC(), Age: event.Seconds(age), Interval: event.Seconds(changes.Interval), Offset: event.Seconds(changes.ClockOffset),
		Open: changes.Open, Listening: changes.Listening, Missed: changes.Missed,
	}
}

// silence returns the state of a host, by the limits of package heartbeat.
func silence(age, interval time.Duration) string {
	interval = min(max(interval, 0), time.Hour)
	switch {
	case age >= max(20*interval, 15*time.Minute):
		return "gone"
	case age >= max(3*interval, 2*time.Minute):
		return "late"
	}
	return "reports"
}

func hostsText(hosts []reporting, p term.Page) string {
	rows := []term.Row{{
		Cells: cmdutil.Header("HOST", "STATE", "LAST", "EVERY", "CLOCK", "OPEN", "LISTENING", "MISSED"), Rest: cmdutil.Header("ADDRESSES", "ROLES"),
	}}
	for _, h := range hosts {
		style := map[string]term.Style{"late": term.Yellow, "gone": term.Red}[h.State]
		rows = append(rows, term.Row{
			Cells: []term.Span{
				term.Regular.Of(h.Host), style.Of(h.State), style.Of(term.Ago(time.Duration(h.Age)) + " ago"),
				term.Regular.Of(term.Duration(time.Duration(h.Interval))), clockOff(time.Duration(h.Offset)),
				term.Regular.Of(fmt.Sprint(h.Open)), term.Regular.Of(fmt.Sprint(h.Listening)), term.Regular.Of(fmt.Sprint(h.Missed)),
			},
			Rest: []term.Span{term.Regular.Of(addressList(h.Addresses)), term.Faint.Of(strings.Join(h.Roles, ", "))},
		})
	}
	var b strings.Builder
	p.Table(&b, 0, rows)
	return b.String()
}

// clockOff formats the offset of a host's clock. Below a second it is mostly the
// latency of the message; from two seconds it is marked.
func clockOff(offset time.Duration) term.Span {
	const marked = 2 * time.Second
	style := term.Regular
	if offset.Abs() >= marked {
		style = term.Yellow
	}
	switch {
	case offset.Abs() < time.Second:
		return term.Regular.Of("ok")
	case offset > 0:
		return style.Of(term.Duration(offset) + " behind")
	}
	return style.Of(term.Duration(-offset) + " ahead")
}

func addressList(all []event.Address) string {
	const most = 4
	var texts []string
	for _, a := range all[:min(len(all), most)] {
		texts = append(texts, a.String())
	}
	if more := len(all) - most; more > 0 {
		texts = append(texts, fmt.Sprintf("%d more", more))
	}
	return strings.Join(texts, ", ")
}
