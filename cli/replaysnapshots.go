package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"headstart/daemon"
	"headstart/event"
	"headstart/replay"
	"headstart/replay/recording"
)

// openRecording returns the snapshots of a recording.
func (o *traffic) openRecording(ctx context.Context, p plannedTraffic, bar *progress, errs io.Writer) (replay.Source, error) {
	r, err := recording.Open(o.snapshots)
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
				bar.show("replaying", int64(n), int64(total))
			}
			if !p.until.IsZero() && s.TakenAt.Add(lag).After(p.until) {
				return errUntil
			}
			id := kept[s.Host].of(s)
			if len(kept) < maxCounted {
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
			bar.done()
			fmt.Fprintf(errs, "%d messages could not be read, %d snapshots lack a part%s\n", totals.Bad, totals.Incomplete, mistakes(totals.Mistakes))
		}
		return err
	}, nil
}

// errUntil ends a recording where it was asked to.
var errUntil = errors.New("as far as was asked for")

func mistakes(all []error) string {
	var b strings.Builder
	for _, err := range all {
		b.WriteString("\n  " + err.Error())
	}
	return b.String()
}

// identity is who a host says it is: the same from one snapshot to the next, but
// for a few.
type identity struct {
	addresses []event.Address
	roles     []string
}

// of returns the identity that a snapshot tells, which outlives it.
func (id identity) of(s *event.Snapshot) identity {
	if !slices.Equal(id.addresses, s.Addresses) {
		id.addresses = slices.Clone(s.Addresses)
	}
	if !slices.Equal(id.roles, s.Roles) {
		id.roles = slices.Clone(s.Roles)
	}
	return id
}
