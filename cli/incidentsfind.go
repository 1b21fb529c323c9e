package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"headstart/bus"
	"headstart/daemon"
	"headstart/event"
	"headstart/term"
)

const everyIncident = "incident.*"

// lastStates calls do with the last state of every incident. What can't be read
// is left out, and counted.
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
	return unreadable, noStream(err)
}

// find returns the incident that an id, or the beginning of one, means.
func find(ctx context.Context, b *bus.Bus, id string) (*event.Incident, error) {
	m, err := b.LastFor(ctx, event.StreamIncidents, event.IncidentSubject(id))
	if err != nil {
		return nil, noStream(err)
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
		return nil, fmt.Errorf("there is no incident whose id begins with %q; 'headstart incidents list --all' lists all", id)
	case 1:
		for _, i := range found {
			return i, nil
		}
	}
	return nil, ambiguous(id, found)
}

// maxNamed is how many incidents are named that an id can mean.
const maxNamed = 10

func ambiguous(id string, found map[string]*event.Incident) error {
	var lines []string
	for _, i := range found {
		lines = append(lines, fmt.Sprintf("  %s  %s", term.Plain(i.ID), term.Plain(i.Title)))
	}
	slices.Sort(lines)
	if len(lines) == maxNamed {
		lines = append(lines, "  and perhaps others")
	}
	return daemon.Usage("%q can mean several incidents; say more of the id:\n%s", id, strings.Join(lines, "\n"))
}

// oneID refuses anything but one id.
func oneID(c *cobra.Command, args []string) error {
	if len(args) != 1 || args[0] == "" {
		return daemon.Usage("name one incident by its id, or the beginning of it; 'headstart incidents list' lists them\nrun '%s --help' for what it takes", c.CommandPath())
	}
	return nil
}

// completionTime is how long a shell waits for ids.
const completionTime = time.Second

// complete offers the ids of incidents, those that are not over first.
func (cl *client) complete(c *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	const directive = cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	if len(args) > 0 || cl.flags.ApplyEnv(c.Flags().Changed) != nil {
		return nil, directive
	}
	ctx, cancel := context.WithTimeout(c.Context(), completionTime)
	defer cancel()
	answer := make(chan []string, 1)
	go func() { // connecting to a server that is silent takes longer
		var found []*event.Incident
		err := cl.reach(ctx, slog.New(slog.NewTextHandler(io.Discard, nil)), func(ctx context.Context, b *bus.Bus) error {
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

// offers are ids with what they mean.
func offers(found []*event.Incident) (all []string) {
	slices.SortFunc(found, byUrgency)
	for _, over := range []bool{false, true} {
		for _, i := range found {
			if isOver(i) == over {
				all = append(all, cobra.CompletionWithDesc(i.ID, term.Plain(i.Severity.String()+": "+i.Title)))
			}
		}
	}
	return all
}
