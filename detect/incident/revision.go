package incident

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"headstart/event"
)

// Knowledge is what other parts know of hosts.
type Knowledge struct {
	// Host describes a host by its name, or an address by its text.
	Host func(name string) (addresses []event.Address, roles []string, monitored bool)

	// Reached lists where a host normally connects to.
	Reached func(name string, limit int) []event.NextHop

	// Database reports whether a port is a database's.
	Database func(port uint16) bool
}

const (
	// settle is how often a revision is made of changes that don't matter by
	// themselves: another alert like those before.
	settle = time.Minute

	// notifyAgain is how often the growth of an incident is notified.
	notifyAgain = 5 * time.Minute

	maxNext     = 20
	nextOfOne   = 10
	maxListed   = 50 // entries of each list of a response
	maxReasoned = 20
)

// Revisions returns a revision of each incident that has changed in a way that
// matters, or a while ago, in the order in which they were opened.
func (g *Grouper) Revisions(now time.Time, know Knowledge) []*event.Incident {
	var changed []*incident
	for _, i := range g.incidents {
		if i.Pending || i.Dirty && now.Sub(i.SentAt) >= settle {
			changed = append(changed, i)
		}
	}
	if changed == nil {
		return nil
	}
	sortByAge(changed)
	revisions := make([]*event.Incident, len(changed))
	for n, i := range changed {
		revisions[n] = g.revise(i, now, know)
		if !i.active() {
			delete(g.incidents, i.ID)
		}
	}
	return revisions
}

func (g *Grouper) revise(i *incident, now time.Time, know Knowledge) *event.Incident {
	score, reasons := i.score()
	g.budget.observe(i.ID, i.OpenedAt, score)
	i.Revision++
	i.SentAt, i.Dirty, i.Pending = now, false, false
	r := &event.Incident{
		ID: i.ID, Revision: i.Revision, State: i.State, Score: score, Reasons: reasons[:min(len(reasons), maxReasoned)],
		OpenedAt: i.OpenedAt, LastActivityAt: i.ActiveAt, At: now, MergedInto: i.MergedInto, Left: i.Left,
		Alerts: slices.Clone(i.Alerts), Threshold: g.budget.Current,
	}
	for rule := range i.Scores {
		r.Rules = append(r.Rules, rule)
	}
	slices.Sort(r.Rules)
	g.describe(i, r, know)
	r.Severity = i.severity(score, r.Threshold)
	g.notify(i, r, now)
	r.Title = i.title(r)
	if i.State != event.IncidentResolved {
		i.next(r, know)
	}
	i.respond(r, know)
	return r
}

// severity is that of the worst alert; an attack in several steps is worse.
func (i *incident) severity(score, threshold float64) event.Severity {
	severity := i.Severity
	if score >= threshold {
		switch n := i.chain(); {
		case n >= 3 || score >= 2.5*threshold:
			severity = event.Critical
		case n >= 2:
			severity = max(severity, event.High)
		}
	}
	return severity
}

// notify decides whether the revision is notified.
func (g *Grouper) notify(i *incident, r *event.Incident, now time.Time) {
	parts := 0
	for _, m := range i.Members {
		if m.Part >= event.Target {
			parts++
		}
	}
	switch {
	case i.NotifiedAt.IsZero() && r.Score < r.Threshold:
		r.Missed = round(r.Threshold - r.Score)
	case i.NotifiedAt.IsZero():
		if !i.active() {
			break // too late
		}
		i.NotifiedAt, i.Threshold = now, r.Threshold
		i.NotifiedLast, i.NotifiedSeverity, i.NotifiedMembers = now, r.Severity, parts
		i.Timeline = append(i.Timeline, event.TimelineEntry{At: now, Text: fmt.Sprintf("notified: risk score %g reached the threshold %g", r.Score, r.Threshold)})
	case r.Severity > i.NotifiedSeverity:
		r.Grown = "now " + r.Severity.String()
	case parts > i.NotifiedMembers && now.Sub(i.NotifiedLast) >= notifyAgain:
		r.Grown = fmt.Sprintf("%d more hosts", parts-i.NotifiedMembers)
		if parts-i.NotifiedMembers == 1 {
			r.Grown = "one more host"
		}
	}
	if r.Grown != "" {
		i.NotifiedLast, i.NotifiedSeverity, i.NotifiedMembers = now, max(i.NotifiedSeverity, r.Severity), max(parts, i.NotifiedMembers)
	}
	r.Notified, r.NotifiedAt = !i.NotifiedAt.IsZero(), i.NotifiedAt
	if r.Notified {
		r.Threshold = i.Threshold
	}
	r.Timeline = i.timeline()
}

// timeline is what the alerts say and the steps that no alert is about, in
// order of time.
func (i *incident) timeline() []event.TimelineEntry {
	all := slices.Clone(i.Timeline)
	for _, s := range i.path() {
		if !s.Alerted && len(all) < event.MaxIncidentTimeline {
			all = append(all, event.TimelineEntry{At: s.At, Host: s.SourceHost, Text: describeEdge(&s.Edge) + " (" + strings.Join(s.Reasons, ", ") + ")"})
		}
	}
	slices.SortStableFunc(all, func(a, b event.TimelineEntry) int { return a.At.Compare(b.At) })
	return all
}

func describeEdge(e *Edge) string {
	text := fmt.Sprintf("%s → %s:%d", e.SourceHost, e.DestinationHost, e.Port)
	if e.Attempt {
		text += ", not answered"
	}
	return text
}

func (g *Grouper) describe(i *incident, r *event.Incident, know Knowledge) {
	for host, m := range i.Members {
		p := event.HostPart{Host: host, Part: m.Part, Since: m.Since}
		p.Addresses, p.Roles, p.Monitored = know.Host(host)
		if len(p.Addresses) == 0 && m.Address != (event.Address{}) {
			p.Addresses = []event.Address{m.Address}
		}
		if p.Part == event.Pivot && !i.reached(host, m.ActedAt) {
			p.Part = event.Entry // as far as is seen, it began here
		}
		r.Parts = append(r.Parts, p)
	}
	slices.SortFunc(r.Parts, func(a, b event.HostPart) int {
		return cmp.Or(cmp.Compare(b.Part, a.Part), a.Since.Compare(b.Since), cmp.Compare(a.Host, b.Host))
	})
	for _, p := range r.Parts {
		r.Hosts = append(r.Hosts, p.Host)
	}
	for a := range i.Sources {
		r.Sources = append(r.Sources, a)
	}
	slices.SortFunc(r.Sources, event.Address.Compare)
	r.Path = []event.PathEdge{}
	for _, s := range i.path() {
		if s.Attempt || s.DestinationExternal {
			continue
		}
		edge := event.PathEdge{
			At: s.At, Source: s.Source, Destination: s.Destination, Port: s.Port,
			Reasons: s.Reasons, Witnesses: int(s.Reporters&1 + s.Reporters>>1), Count: s.Count,
		}
		if !s.SourceExternal {
			edge.SourceHost = s.SourceHost
		}
		if !s.DestinationExternal {
			edge.DestinationHost = s.DestinationHost
		}
		r.Path = append(r.Path, edge)
	}
}

// title says in one line what happened.
func (i *incident) title(r *event.Incident) string {
	var reached, tried []string
	first := ""
	for _, p := range r.Parts {
		switch {
		case p.Part >= event.Pivot && first == "":
			first = p.Host
		case p.Part >= event.Target:
			reached = append(reached, p.Host)
		default:
			tried = append(tried, p.Host)
		}
	}
	if len(r.Reasons) == 0 {
		return "Nothing"
	}
	sign := r.Reasons[0].Text
	for _, reason := range r.Reasons {
		if reason.Rule != "" {
			sign = reason.Text
			break
		}
	}
	switch {
	case first != "" && len(reached) > 0:
		return fmt.Sprintf("%s reached %s: %s", first, few(reached), sign)
	case first != "" && len(tried) > 0:
		return fmt.Sprintf("%s tried %s: %s", first, few(tried), sign)
	case first != "":
		return first + ": " + sign
	}
	return few(r.Hosts) + ": " + sign
}

// few names some of many.
func few(names []string) string {
	const most = 3
	if len(names) > most+1 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// next lists where the hosts that were reached last can go, that are not part
// of the incident yet.
func (i *incident) next(r *event.Incident, know Knowledge) {
	type last struct {
		host string
		at   time.Time
	}
	var hosts []last
	for host, m := range i.Members {
		if m.Part >= event.Target {
			hosts = append(hosts, last{host, m.Since})
		}
	}
	slices.SortFunc(hosts, func(a, b last) int { return cmp.Or(b.at.Compare(a.at), cmp.Compare(a.host, b.host)) })
	for _, h := range hosts[:min(len(hosts), 3)] {
		for _, hop := range know.Reached(h.host, nextOfOne) {
			if i.Members[hop.Host] == nil && len(r.Next) < maxNext {
				r.Next = append(r.Next, hop)
			}
		}
	}
}
