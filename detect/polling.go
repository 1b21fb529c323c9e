package detect

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"headstart/event"
)

// While an incident is open its hosts, and those that can be next, poll more
// often (adaptive polling): every [fast], and every [slower] once it is quiet, each for [hurry]
// after the incident's last revision. Then they return to their own interval.
const (
	activeInterval = 10 * time.Second
	quietInterval  = 20 * time.Second
	pollingLasts   = 15 * time.Minute
	pollingRepeat  = 5 * time.Minute
	maxNamed       = 5
)

// adaptPolling has the hosts of an incident poll more often.
func (c *Engine) adaptPolling(i *event.Incident) {
	interval := activeInterval
	switch {
	case !i.Notified || i.State == event.IncidentResolved:
		return
	case i.State == event.IncidentQuiet:
		interval = quietInterval
	}
	var asked []string
	ask := func(name string) {
		h := c.hosts[name]
		if h == nil || slices.Contains(asked, name) || c.now.Sub(h.polledAt) < pollingRepeat {
			return
		}
		h.polledAt = c.now
		asked = append(asked, name)
		c.out.Controls = append(c.out.Controls, Control{name, event.Control{
			Interval: interval, ExpiresAt: c.now.Add(pollingLasts), Reason: "incident " + i.ID,
		}})
	}
	for _, p := range i.Parts {
		if p.Part >= event.Target {
			ask(p.Host)
		}
	}
	for _, n := range i.Next {
		ask(n.Host)
	}
	if len(asked) > 0 {
		slices.Sort(asked)
		named := strings.Join(asked[:min(len(asked), maxNamed)], ", ")
		if more := len(asked) - maxNamed; more > 0 {
			named += fmt.Sprintf(" and %d more", more)
		}
		c.incidents.Annotate(i.ID, c.now, fmt.Sprintf("%s: polled every %s until %s", named, interval, c.now.Add(pollingLasts).UTC().Format("15:04")))
	}
}
