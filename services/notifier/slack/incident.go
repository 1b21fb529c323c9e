package slack

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	api "github.com/slack-go/slack"

	"headstart/event"
	"headstart/services/notifier/delivery"
)

// Limits of an incident in one message.
const (
	maxHosts     = 20
	maxReasons   = 5
	maxNext      = 5
	maxNewest    = 5   // steps of the path, in messages after the first
	maxCommand   = 400 // characters
	maxOneOfMany = 120 // characters of a name in a list
)

// openedMessage is the first message of an incident, with all details.
func openedMessage(i *event.Incident) *api.WebhookMessage {
	summary := fmt.Sprintf("%s incident: %s: %s", strings.ToUpper(i.Severity.String()), line(i.Title, maxName), hosts(i, 3))
	fields := []*api.TextBlockObject{
		field("State", i.State.String()),
		field("Score", score(i)),
		field("Hosts", hosts(i, maxHosts)),
	}
	if len(i.Sources) > 0 {
		fields = append(fields, field("Sources", sources(i)))
	}
	blocks := []api.Block{api.NewSectionBlock(nil, fields, nil)}
	for _, text := range []string{
		list("*Why*\n", reasons(i), "", maxSection),
		list("*Path*\n", steps(i.Path), "", maxSection),
		list("*What to do: block*\n```\n", commands(i.Response.Block), "\n```", maxSection),
		list("*What to do: clean up*\n", response(&i.Response), "", maxSection),
		list("*Likely next hosts*\n", next(i), "", maxSection),
	} {
		if text != "" {
			blocks = append(blocks, section(text))
		}
	}
	return post(i.Severity, summary, header(i.Severity, i.Title), append(blocks, footer(i)))
}

// updateMessage is a later message of an incident, with the changes only.
func updateMessage(i *event.Incident, action delivery.Action) *api.WebhookMessage {
	news := ""
	var details []api.Block
	switch {
	case i.MergedInto != "":
		news = "Merged into " + line(i.MergedInto, maxName)
	case action == delivery.Resolved:
		news = "Resolved"
	case action == delivery.Quiet:
		news = "Quiet"
	default:
		news = "Grown: " + cmp.Or(line(i.Grown, maxName), "new activity")
		details = append(details, api.NewSectionBlock(nil, []*api.TextBlockObject{field("Hosts", hosts(i, maxHosts)), field("Score", score(i))}, nil))
		if newest := list("*Newest steps*\n", steps(i.Path[max(0, len(i.Path)-maxNewest):]), "", maxSection); newest != "" {
			details = append(details, section(newest))
		}
	}
	title := line(i.Title, maxName)
	if action == delivery.Quiet {
		details = append(details, section("No activity since "+date(i.LastActivityAt)+"."))
	}
	summary := news + ": " + title
	return post(i.Severity, summary, section("*"+bold(news)+"*\n"+strings.ToUpper(i.Severity.String())+": "+title), append(details, footer(i)))
}

// bold escapes the stars of a text that is set in bold.
func bold(s string) string { return strings.ReplaceAll(s, "*", "∗") }

func footer(i *event.Incident) api.Block {
	return api.NewContextBlock("", markdown(fmt.Sprintf("%s · incident %s · revision %d", date(i.At), line(i.ID, maxName), i.Revision)))
}

func score(i *event.Incident) string {
	return fmt.Sprintf("%.4g (notified from %.4g)", i.Score, i.Threshold)
}

// hosts lists the roles of up to most hosts, those that the attacker moved on from
// first.
func hosts(i *event.Incident, most int) string {
	parts := slices.Clone(i.Parts)
	slices.SortStableFunc(parts, func(a, b event.HostPart) int { return cmp.Compare(b.Part, a.Part) })
	var out []string
	for _, p := range parts[:min(len(parts), most)] {
		out = append(out, line(p.Host, maxOneOfMany-20)+" ("+p.Part.String()+")")
	}
	if more := len(parts) - most; more > 0 {
		out = append(out, fmt.Sprintf("%d more", more))
	}
	return fitting(out)
}

func sources(i *event.Incident) string {
	var out []string
	for _, a := range i.Sources[:min(len(i.Sources), maxHosts)] {
		out = append(out, a.String())
	}
	if more := len(i.Sources) - maxHosts; more > 0 {
		out = append(out, fmt.Sprintf("%d more", more))
	}
	return fitting(out)
}

// fitting joins as many texts as fit into a field.
func fitting(all []string) string {
	length := 0
	for n, s := range all {
		if length += len(s) + 2; length > maxValue {
			return strings.Join(all[:n], ", ") + ", " + ellipsis
		}
	}
	return strings.Join(all, ", ")
}

func reasons(i *event.Incident) (out []string) {
	for _, r := range i.Reasons[:min(len(i.Reasons), maxReasons)] {
		out = append(out, fmt.Sprintf("%.3g: %s", r.Points, line(r.Text, maxCommand)))
	}
	return out
}

// steps returns the edges of a path, one a line.
func steps(path []event.PathEdge) (out []string) {
	for _, e := range path {
		to := netip.AddrPortFrom(e.Destination.Netip(), e.Port).String()
		if e.DestinationHost != "" {
			to = fmt.Sprintf("%s:%d", line(e.DestinationHost, maxOneOfMany), e.Port)
		}
		text := date(e.At) + " " + cmp.Or(line(e.SourceHost, maxOneOfMany), e.Source.String()) + " → " + to
		if e.Count > 1 {
			text += fmt.Sprintf(" (%d times)", e.Count)
		}
		if e.Attempt {
			text += ", unanswered"
		}
		out = append(out, text)
	}
	return out
}

// commands returns lines for a code block, which a backtick would end.
func commands(all []string) (out []string) {
	for _, c := range all {
		out = append(out, line(strings.ReplaceAll(c, "`", "'"), maxCommand))
	}
	return out
}

func response(r *event.Response) (out []string) {
	for _, part := range []struct {
		what string
		of   []string
	}{
		{"Rotate SSH keys of", r.RotateKeys}, {"Rotate credentials of", r.RotateCredentials}, {"Close permanently", r.Segment},
	} {
		if len(part.of) > 0 {
			out = append(out, line("• "+part.what+" "+strings.Join(part.of[:min(len(part.of), maxHosts)], ", "), maxSection/4))
		}
	}
	return out
}

func next(i *event.Incident) (out []string) {
	for _, n := range i.Next[:min(len(i.Next), maxNext)] {
		out = append(out, fmt.Sprintf("• from %s to %s:%d", line(n.From, maxOneOfMany), line(n.Host, maxOneOfMany), n.Port))
	}
	return out
}
