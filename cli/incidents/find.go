package incidents

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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

const everyIncident = "incident.*"

// lastStates calls do with the last revision of every incident. It skips and
// counts unreadable ones.
func lastStates(ctx context.Context, b *bus.Bus, do func(*event.Incident)) (unreadable int, err error) {
	err = b.Last(ctx, event.StreamIncidents, everyIncident, func(m bus.Message) error {
		i, err := event.DecodeIncident(m.Data)
		if err != nil || event.IncidentSubject(i.ID) != m.Subject {
			unreadable++
			return nil
		}
		do(i)
		return nil
	})
	return unreadable, cmdutil.MissingStream(err, "correlator")
}

// find returns the incident whose id is, or begins with, the given one.
func find(ctx context.Context, b *bus.Bus, id string) (*event.Incident, error) {
	m, err := b.LastFor(ctx, event.StreamIncidents, event.IncidentSubject(id))
	if err != nil {
		return nil, cmdutil.MissingStream(err, "correlator")
	}
	if m != nil {
		i, err := event.DecodeIncident(m.Data)
		if err != nil {
			return nil, fmt.Errorf("incident %q: %w", id, err)
		}
		return i, nil
	}
	found := map[string]*event.Incident{}
	if _, err := lastStates(ctx, b, func(i *event.Incident) {
		if strings.HasPrefix(i.ID, id) && len(found) < maxNamed {
			found[i.ID] = i
		}
	}); err != nil {
		return nil, err
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("no incident has an id that begins with %q; 'headstart incidents list --all' lists all", id)
	case 1:
		for _, i := range found {
			return i, nil
		}
	}
	return nil, ambiguous(id, found)
}

// maxNamed bounds the incidents that the error for an ambiguous id lists.
const maxNamed = 10

func ambiguous(id string, found map[string]*event.Incident) error {
	var lines []string
	for _, i := range found {
		lines = append(lines, fmt.Sprintf("  %s  %s", term.Plain(i.ID), term.Plain(i.Title)))
	}
	slices.Sort(lines)
	if len(lines) == maxNamed {
		lines = append(lines, "  and possibly others")
	}
	return daemon.Usage("%q is ambiguous; give more of the id:\n%s", id, strings.Join(lines, "\n"))
}

// oneID accepts one id.
func oneID(c *cobra.Command, args []string) error {
	if len(args) != 1 || args[0] == "" {
		return daemon.Usage("want the id of one incident, or the beginning of it; 'headstart incidents list' lists them\nrun '%s --help' for the arguments", c.CommandPath())
	}
	return nil
}

// completionTimeout is how long a shell waits for ids.
const completionTimeout = time.Second

// completeIDs offers the ids of incidents, resolved ones last.
func completeIDs(cl *cmdutil.Client) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		return ids(cl, c, args, typed)
	}
}

func ids(cl *cmdutil.Client, c *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	const directive = cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	if len(args) > 0 || cl.ApplyEnv(c) != nil {
		return nil, directive
	}
	ctx, cancel := context.WithTimeout(c.Context(), completionTimeout)
	defer cancel()
	answer := make(chan []string, 1)
	go func() { // connecting to a server that doesn't answer takes longer
		var found []*event.Incident
		err := cl.Connect(ctx, slog.New(slog.DiscardHandler), func(ctx context.Context, b *bus.Bus) error {
			_, err := lastStates(ctx, b, func(i *event.Incident) {
				if strings.HasPrefix(i.ID, typed) {
					found = append(found, outline(i))
				}
			})
			return err
		})
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			found = nil
		}
		answer <- offers(found)
	}()
	select {
	case all := <-answer:
		return all, directive
	case <-ctx.Done():
		return nil, directive
	}
}

// offers returns ids with severity and title.
func offers(found []*event.Incident) (all []string) {
	slices.SortFunc(found, byUrgency)
	for _, resolved := range []bool{false, true} {
		for _, i := range found {
			if isOver(i) == resolved {
				all = append(all, cobra.CompletionWithDesc(i.ID, term.Plain(i.Severity.String()+": "+i.Title)))
			}
		}
	}
	return all
}
