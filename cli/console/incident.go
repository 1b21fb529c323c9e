package console

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"headstart/event"
	"headstart/report"
	"headstart/term"
)

// Incident prints a revision of an incident. As text, an incident that was
// notified takes a block when it opens, grows, becomes quiet or is resolved; any
// other takes one line, once.
func (c *Console) Incident(i *event.Incident) {
	if c.json {
		c.JSON(report.Typed(i))
		return
	}
	if !i.Notified {
		if i.Revision == 1 {
			c.Block(i.At, term.Faint.Of(strings.ToUpper(i.Severity.String())), []term.Span{
				term.Faint.Of(i.Title), term.Faint.Of(fmt.Sprintf("risk score %.4g, notified from %.4g", i.Score, i.Threshold)),
			})
		}
		return
	}
	news := c.news(i)
	if news == "" {
		return
	}
	paragraphs := [][]term.Span{{term.Bold.Of(i.Title), term.Faint.Of("incident " + news)}}
	if i.State < event.IncidentQuiet {
		paragraphs = append(paragraphs, []term.Span{term.Regular.Of(partsOf(i))})
		for _, e := range newest(i) {
			paragraphs = append(paragraphs, []term.Span{term.Faint.Of(e.At.In(c.Zone).Format(time.TimeOnly)), term.Regular.Of(e.Text)})
		}
		if first := report.FirstStep(i); first != "" {
			paragraphs = append(paragraphs, []term.Span{term.Regular.Of("First: " + first)})
		}
	}
	paragraphs = append(paragraphs, []term.Span{term.Faint.Of(c.ShowCommand + " " + ShortID(i.ID))})
	c.Block(i.At, severity(i.Severity), paragraphs...)
}

// maxShown bounds the incidents whose last shown state is kept.
const maxShown = 10_000

// news describes what is new in a revision; empty if nothing is.
func (c *Console) news(i *event.Incident) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.shown[i.ID]
	news := ""
	switch {
	case i.MergedInto != "":
		news = "merged into " + ShortID(i.MergedInto)
	case i.State == event.IncidentResolved:
		news = "resolved"
	case i.State == event.IncidentQuiet:
		if before != event.IncidentQuiet {
			news = "quiet"
		}
	case i.NotifiedAt.Equal(i.At):
		news = "opened"
	case i.Grown != "":
		news = "grown: " + i.Grown
	case before == event.IncidentQuiet:
		news = "active again"
	}
	switch {
	case i.State == event.IncidentResolved:
		delete(c.shown, i.ID)
	case before != 0 || len(c.shown) < maxShown:
		c.shown[i.ID] = i.State
	}
	return news
}

// partsOf names the hosts of an incident with their parts.
func partsOf(i *event.Incident) string {
	const most = 6
	var names []string
	for _, p := range i.Parts[:min(len(i.Parts), most)] {
		names = append(names, p.Host+" ("+p.Part.String()+")")
	}
	if more := len(i.Parts) - most; more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}

// newest returns the last few events of the timeline, in order of time, without
// those of headstart itself.
func newest(i *event.Incident) []event.TimelineEntry {
	const most = 3
	var happened []event.TimelineEntry
	for _, e := range i.Timeline {
		if e.Host != "" {
			happened = append(happened, e)
		}
	}
	slices.SortStableFunc(happened, func(a, b event.TimelineEntry) int { return a.At.Compare(b.At) })
	return happened[max(0, len(happened)-most):]
}

// ShortID returns the beginning of an id, enough to name an incident.
func ShortID(id string) string { return id[:min(len(id), ShortestID)] }

// ShortestID is the length to which ids are cut where that is unambiguous.
const ShortestID = 8
