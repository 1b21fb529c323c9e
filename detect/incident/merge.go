package incident

import (
	"maps"

	"headstart/event"
)

// expand correlates hosts of an incident, and merges it with those that it turns
// out to be part of.
func (g *Grouper) expand(i *incident, hosts ...string) *incident {
	followed := g.correlate(i, hosts...)
	g.index(i)
	if !i.Strong {
		return i
	}
	for _, host := range followed {
		var strong []*incident // few; a rule that fires on everything makes thousands of others
		for other := range g.byHost[host] {
			if other.Strong {
				strong = append(strong, other)
			}
		}
		sortByAge(strong)
		for _, other := range strong {
			if other != i && other.active() && linked(i, other, host) {
				i = g.merge(i, other)
			}
		}
	}
	return i
}

// merge makes one incident of two and returns it: the notified one, of two such,
// or none, the older.
func (g *Grouper) merge(a, b *incident) *incident {
	pair := []*incident{a, b}
	sortByAge(pair)
	into, from := pair[0], pair[1]
	if into.NotifiedAt.IsZero() && !from.NotifiedAt.IsZero() {
		into, from = from, into
	}
	if len(into.Members)+len(from.Members) > event.MaxIncidentHosts {
		return a
	}
	if from.OpenedAt.Before(into.OpenedAt) {
		into.OpenedAt = from.OpenedAt
	}
	for k, s := range from.Edges {
		if old := into.Edges[k]; old != nil {
			old.Count += s.Count
			old.Reporters |= s.Reporters
			old.Alerted = old.Alerted || s.Alerted
			old.Attempt = old.Attempt && s.Attempt
			old.Reasons = mergeReasons(old.Reasons, s.Reasons)
			continue
		}
		into.Edges[k] = s
	}
	for host, m := range from.Members {
		old := into.Members[host]
		if old == nil {
			into.Members[host] = m
			continue
		}
		old.Part, old.Swept = max(old.Part, m.Part), old.Swept && m.Swept
		old.OnlyBefore = old.OnlyBefore && m.OnlyBefore
		if m.Since.Before(old.Since) {
			old.Since = m.Since
		}
		if m.LastAt.After(old.LastAt) {
			old.LastAt = m.LastAt
		}
		if m.acted() {
			part := old.Part
			old.act(m.ActedAt)
			old.Part = max(part, old.Part)
		}
	}
	for a, at := range from.Sources {
		if first, ok := into.Sources[a]; !ok || at.Before(first) {
			into.Sources[a] = at
		}
	}
	for rule, p := range from.Scores {
		old := into.Scores[rule]
		if old == nil {
			into.Scores[rule] = p
			continue
		}
		old.Best = max(old.Best, p.Best)
		maps.Copy(old.Distinct, p.Distinct)
	}
	room := max(0, event.MaxIncidentAlerts-len(into.Alerts))
	into.Alerts = append(into.Alerts, from.Alerts[:min(room, len(from.Alerts))]...)
	into.Timeline = append(into.Timeline, from.Timeline...)
	into.Timeline = into.Timeline[:min(len(into.Timeline), event.MaxIncidentTimeline)]
	into.Severity = max(into.Severity, from.Severity)
	into.Strong = into.Strong || from.Strong
	if into.KnownAt.IsZero() || !from.KnownAt.IsZero() && from.KnownAt.Before(into.KnownAt) {
		into.KnownAt = from.KnownAt
	}
	into.State = event.IncidentUpdated
	if !from.NotifiedAt.IsZero() && (into.NotifiedAt.IsZero() || from.NotifiedAt.Before(into.NotifiedAt)) {
		into.NotifiedAt, into.Threshold = from.NotifiedAt, from.Threshold
		into.NotifiedLast, into.NotifiedSeverity, into.NotifiedMembers = from.NotifiedLast, from.NotifiedSeverity, from.NotifiedMembers
	}
	into.touch(from.BurstAt, from.ActiveAt)
	into.Pending = true
	from.MergedInto, from.State, from.Dirty, from.Pending = into.ID, event.IncidentResolved, true, true
	g.unindex(from)
	g.index(into)
	return into
}
