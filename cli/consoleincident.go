package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"headstart/event"
	"headstart/report"
	"headstart/term"
)

// incident prints a revision of an incident. A person sees those that matter:
// an incident that people are told of takes a block when it is opened, grows,
// gets quiet or is over, any other takes one line, once.
func (c *console) incident(i *event.Incident) {
	if c.json {
		c.line(report.Typed(i))
		return
	}
	if !i.Notified {
		if i.Revision == 1 {
			c.block(i.At, term.Faint.Of(strings.ToUpper(i.Severity.String())), []term.Span{
				term.Faint.Of(i.Title), term.Faint.Of(fmt.Sprintf("score %.4g, people are told from %.4g on", i.Score, i.Threshold)),
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
			paragraphs = append(paragraphs, []term.Span{term.Faint.Of(e.At.In(c.local).Format(time.TimeOnly)), term.Regular.Of(e.Text)})
		}
		if first := report.FirstStep(i); first != "" {
			paragraphs = append(paragraphs, []term.Span{term.Regular.Of("First: " + first)})
		}
	}
	paragraphs = append(paragraphs, []term.Span{term.Faint.Of(c.show + " " + shortID(i.ID))})
	c.block(i.At, severity(i.Severity), paragraphs...)
}

// maxTold bounds the incidents of which is known what was shown.
const maxTold = 10_000

// news says what a revision tells people, empty if nothing that they don't know.
func (c *console) news(i *event.Incident) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.told[i.ID]
	news := ""
	switch {
	case i.MergedInto != "":
		news = "is part of " + shortID(i.MergedInto) + " now"
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
		news = "goes on"
	}
	switch {
	case i.State == event.IncidentResolved:
		delete(c.told, i.ID)
	case before != 0 || len(c.told) < maxTold:
		c.told[i.ID] = i.State
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

// newest returns the last few things that happened, in order of time, without
// remarks on what headstart itself did.
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

// shortID is the beginning of an id: enough to find an incident by.
func shortID(id string) string { return id[:min(len(id), shortest)] }

// shortest is how much of an id is shown, if it says which is meant.
const shortest = 8
