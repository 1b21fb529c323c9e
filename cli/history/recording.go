package history

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"headstart/cli/cmdutil"
	"headstart/daemon"
	"headstart/event"
	"headstart/replay"
	"headstart/replay/recording"
)

// maxIdentities bounds the hosts whose identity is shared between snapshots.
const maxIdentities = 100_000

// openRecording returns the snapshots of a recording.
func (o *Traffic) openRecording(ctx context.Context, p TrafficPlan, bar *cmdutil.Progress, errs io.Writer) (replay.Source, error) {
	r, err := recording.Open(o.Snapshots)
	if err != nil {
		return nil, daemon.Usage("--snapshots: %w", err)
	}
	total := 0
	for _, f := range r.Manifest.Files {
		total += f.Messages
	}
	return func(yield func(*event.Snapshot, time.Duration) error) error {
		kept, n := map[string]identity{}, 0
		totals, err := r.Snapshots(ctx, func(s *event.Snapshot, lag time.Duration) error {
			if n++; n&1023 == 0 {
				bar.Show("replaying", int64(n), int64(total))
			}
			if !p.until.IsZero() && s.TakenAt.Add(lag).After(p.until) {
				return errUntil
			}
			id := kept[s.Host].of(s)
			if len(kept) < maxIdentities {
				kept[s.Host] = id
			}
			lasting := *s
			lasting.Addresses, lasting.Roles = id.addresses, id.roles
			return yield(&lasting, lag)
		})
		if errors.Is(err, errUntil) {
			err = nil
		}
		if totals.Bad+totals.Incomplete > 0 {
			bar.Done()
			fmt.Fprintf(errs, "unreadable messages: %d, snapshots without all parts: %d%s\n", totals.Bad, totals.Incomplete, indented(totals.Errors))
		}
		return err
	}, nil
}

// errUntil ends a history at --until.
var errUntil = errors.New("end of the history")

func indented(all []error) string {
	var b strings.Builder
	for _, err := range all {
		b.WriteString("\n  " + err.Error())
	}
	return b.String()
}

// identity is what a host reports of itself. It rarely changes between
// snapshots.
type identity struct {
	addresses []event.Address
	roles     []string
}

// of returns the identity in a snapshot, in memory that outlives it.
func (id identity) of(s *event.Snapshot) identity {
	if !slices.Equal(id.addresses, s.Addresses) {
		id.addresses = slices.Clone(s.Addresses)
	}
	if !slices.Equal(id.roles, s.Roles) {
		id.roles = slices.Clone(s.Roles)
	}
	return id
}
