package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"headstart/bus"
	"headstart/daemon"
	"headstart/event"
	"headstart/term"
)

func hostsCommand() *cobra.Command {
	output := "text"
	c := &cobra.Command{
		Use:   "hosts",
		Short: "List the hosts that report to a running system, and which have fallen silent",
		Long: `List the hosts that report to a running system: since when their last snapshot is
old, how often they look, by how much their clock is off, what was open then, and
how many snapshots are missing before it.

A host is late after three of its intervals, at least two minutes, without a
snapshot, and gone after twenty, at least a quarter of an hour.`,
		Example: `  headstart hosts
  headstart hosts --output json | jq -r 'select(.state == "gone") | .host'`,
		Args: asUsage(cobra.NoArgs),
	}
	cl := newClient(c, func(f *daemon.Flags) {
		f.StringVar(&output, "output", "text", "how to print hosts: `text` or json (JSON lines)")
	})
	complete(c, "output", "text", "json")
	c.RunE = func(c *cobra.Command, _ []string) error {
		return cl.ask(c, func() error { return checkOutput(output) }, func(ctx context.Context, b *bus.Bus) error {
			hosts, unreadable, err := lastOfHosts(ctx, b, time.Now())
			if err != nil {
				return err
			}
			if unreadable > 0 {
				fmt.Fprintf(c.ErrOrStderr(), "the last message of %s could not be read\n", count(uint32(unreadable), "host"))
			}
			return printHosts(hosts, output, c.OutOrStdout(), c.ErrOrStderr())
		})
	}
	return c
}

// reporting is a host as its last message says.
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
	if err != nil && !errors.Is(err, context.Canceled) {
		return nil, 0, fmt.Errorf("%w (the tracker makes the stream: does one run there?)", err)
	}
	for _, h := range last {
		hosts = append(hosts, h)
	}
	slices.SortFunc(hosts, func(a, b reporting) int { return strings.Compare(a.Host, b.Host) })
	return hosts, unreadable, err
}

func reportingHost(changes *event.Changes, storedAt, now time.Time) reporting {
	at := changes.StreamTime(changes.ObservedAt)
	if at.After(storedAt) {
		at = storedAt // nobody sees what is still to come
	}
	age := max(0, now.Sub(at))
	return reporting{
		Type: "host", Host: changes.Host, State: silence(age, changes.Interval), Addresses: changes.Addresses, Roles: changes.Roles,
		At: at.UTC(), Age: event.Seconds(age), Interval: event.Seconds(changes.Interval), Offset: event.Seconds(changes.ClockOffset),
		Open: changes.Open, Listening: changes.Listening, Missed: changes.Missed,
	}
}

// silence says how silent a host is, as the correlator's package presence does.
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

func printHosts(hosts []reporting, output string, out, errs io.Writer) error {
	if output == "json" {
		screen := newConsole(out, "", true)
		for _, h := range hosts {
			screen.line(h)
		}
		return nil
	}
	if len(hosts) == 0 {
		fmt.Fprintln(errs, "no host has reported yet")
		return nil
	}
	return write(out, hostsText(hosts, pageOf(out)))
}

func hostsText(hosts []reporting, p term.Page) string {
	rows := []term.Row{{
		Cells: faint("HOST", "STATE", "LAST", "EVERY", "CLOCK", "OPEN", "LISTENS", "MISSED"), Rest: faint("ADDRESSES", "ROLES"),
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

// clockOff shows how a host's clock goes. Less than a second is mostly the way
// of the message; from two on it is reported.
func clockOff(offset time.Duration) term.Span {
	const much = 2 * time.Second
	style := term.Regular
	if offset.Abs() >= much {
		style = term.Yellow
	}
	switch {
	case offset.Abs() < time.Second:
		return term.Regular.Of("right")
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
