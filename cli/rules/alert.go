package rules

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"headstart/bus"
	"headstart/cli/cmdutil"
	"headstart/cli/history"
	"headstart/daemon"
	"headstart/detect"
	"headstart/event"
	"headstart/replay"
	"headstart/term"
)

// alertID names an alert of a rule by its id, or the beginning of it.
type alertID struct{ rule, prefix string }

// storedAlert is an alert with the time at which a stream stored it.
type storedAlert struct {
	*event.Alert
	storedAt time.Time // zero in a replay
}

// findAlert finds an alert among those that the system has stored, or that a
// replay raises.
func findAlert(ctx context.Context, h *history.Past, side replay.Variant, id alertID) (storedAlert, error) {
	found := map[string]storedAlert{}
	note := func(a *event.Alert, storedAt time.Time) {
		if a.Rule == id.rule && strings.HasPrefix(a.ID, strings.ToLower(id.prefix)) && len(found) < maxNamed {
			found[a.ID] = storedAlert{a, storedAt}
		}
	}
	var err error
	if h.Bus != nil {
		err = cmdutil.MissingStream(h.Bus.ReadSince(ctx, event.StreamAlerts, time.Time{}, func(m bus.Message) error {
			if a, err := event.DecodeAlert(m.Data); err == nil {
				note(a, m.StoredAt)
			}
			return nil
		}), "correlator")
	} else {
		side.Applied = func(out *detect.Output) {
			for _, a := range out.Alerts {
				note(a, time.Time{})
			}
		}
		_, err = replay.RunAll(ctx, h.Feed, []replay.Variant{side})
	}
	if err != nil {
		return storedAlert{}, err
	}
	if len(found) == 0 {
		return storedAlert{}, fmt.Errorf("no alert of the rule %s has an id that begins with %s", id.rule, id.prefix)
	}
	var lines []string
	var one storedAlert
	for _, one = range found {
		lines = append(lines, fmt.Sprintf("  %s  %s  %s", one.ID, one.At.UTC().Format(time.DateTime), term.Plain(one.Host)))
	}
	if len(found) > 1 {
		slices.Sort(lines)
		return storedAlert{}, daemon.Usage("alert %s is ambiguous; give more of the id:\n%s", id.prefix, strings.Join(lines, "\n"))
	}
	return one, nil
}
