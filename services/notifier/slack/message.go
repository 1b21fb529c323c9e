package slack

import (
	"cmp"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"time"

	api "github.com/slack-go/slack"

	"headstart/event"
	"headstart/services/notifier/delivery"
)

// Block Kit's limits in characters (docs.slack.dev/reference/block-kit/blocks,
// header and section), and the limits of variable texts within them.
const (
	maxHeader  = 150
	maxSection = 3000
	maxField   = 2000

	maxValue = maxField - 100
	maxName  = 300
	maxLinks = 10
)

// colours are the colours of the bar beside the message, by severity.
var colours = [...]string{
	event.Info: "#8c9ba5", event.Low: "#3f8fd2", event.Medium: "#e0a800",
	event.High: "#e8590c", event.Critical: "#c92a2a",
}

// message renders a notification.
func message(n delivery.Notification) *api.WebhookMessage {
	switch {
	case n.Incident == nil:
		return alertMessage(n.Alert)
	case n.Action == delivery.Opened:
		return openedMessage(n.Incident)
	default:
		return updateMessage(n.Incident, n.Action)
	}
}

// post returns a message with a bar in the severity's colour beside the details.
// Only an attachment has a colour, and Slack may fold it, so the head is outside.
func post(severity event.Severity, summary string, head api.Block, details []api.Block) *api.WebhookMessage {
	no := false
	return &api.WebhookMessage{
		Text:        summary,
		Blocks:      &api.Blocks{BlockSet: []api.Block{head}},
		UnfurlLinks: &no,
		UnfurlMedia: &no,
		Attachments: []api.Attachment{{
			Color:    colours[min(int(severity), len(colours)-1)],
			Fallback: summary,
			Blocks:   api.Blocks{BlockSet: details},
		}},
	}
}

func header(severity event.Severity, title string) api.Block {
	name := strings.ToUpper(severity.String())
	return api.NewHeaderBlock(api.NewTextBlockObject(api.PlainTextType, name+": "+line(title, maxHeader-len(name)-2), false, false))
}

func alertMessage(a *event.Alert) *api.WebhookMessage {
	severity := strings.ToUpper(a.Severity.String())
	summary := fmt.Sprintf("%s: %s on %s: %s", severity, line(a.Title, maxName), line(a.Host, maxName), ends(&a.Connection))
	return post(a.Severity, summary, header(a.Severity, a.Title), details(a))
}

func details(a *event.Alert) []api.Block {
	c := &a.Connection
	fields := []*api.TextBlockObject{field("Host", named(a.Host, a.Roles))}
	if p := a.Peer; p != nil {
		fields = append(fields, field("Peer", peer(p)))
	}
	fields = append(fields,
		field("Connection", connection(c)),
		field("State", state(c)),
		field("Age", age(c)),
		field("Rule", line(a.Rule, maxName)),
	)
	if len(a.Attack) > 0 {
		fields = append(fields, field("ATT&amp;CK", techniques(a.Attack)))
	}
	if a.Incident != "" {
		fields = append(fields, field("Incident", line(a.Incident, maxName)))
	}
	blocks := []api.Block{api.NewSectionBlock(nil, fields, nil)}
	if text := strings.TrimSpace(a.Description); text != "" {
		blocks = append(blocks, section(lines(text, maxSection)))
	}
	if text := strings.TrimSpace(a.Guide); text != "" {
		const title = "*First steps*\n"
		blocks = append(blocks, section(title+lines(text, maxSection-len(title))))
	}
	return append(blocks, api.NewContextBlock("", markdown(date(a.At)+" · alert "+line(a.ID, maxName))))
}

// markdown marks the text as verbatim, so that Slack makes no links of what
// looks like one.
func markdown(text string) *api.TextBlockObject {
	return api.NewTextBlockObject(api.MarkdownType, text, false, true)
}

func section(text string) api.Block { return api.NewSectionBlock(markdown(text), nil, nil) }

func field(label, value string) *api.TextBlockObject {
	return markdown("*" + label + "*\n" + cmp.Or(value, "unknown"))
}

func named(name string, roles []string) string {
	if len(roles) > 0 {
		name += " (" + strings.Join(roles, ", ") + ")"
	}
	return line(name, maxValue)
}

func peer(p *event.AlertPeer) string {
	where := "external"
	if p.Internal {
		where = "internal"
	}
	return named(cmp.Or(p.Host, p.Address.String()), p.Roles) + ", " + where
}

// ends returns text that needs no escaping: addresses and a port.
func ends(c *event.AlertConnection) string {
	destination := netip.AddrPortFrom(c.Destination.Netip(), c.Port).String()
	if c.State == event.Listen {
		return "listens on " + destination
	}
	return c.Source.String() + " → " + destination
}

func connection(c *event.AlertConnection) string {
	if c.Direction == 0 {
		return ends(c)
	}
	return ends(c) + ", " + c.Direction.String()
}

func state(c *event.AlertConnection) string {
	if c.Reason == 0 {
		return c.State.String()
	}
	return c.State.String() + ", closed: " + c.Reason.String()
}

// age returns the bounds of the age; both are proven.
func age(c *event.AlertConnection) string {
	least := rounded(time.Duration(c.AgeMin))
	if c.AgeMax == nil {
		return "at least " + least
	}
	return least + " to " + rounded(time.Duration(*c.AgeMax))
}

func rounded(d time.Duration) string {
	if d < 10*time.Second {
		return d.Round(10 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// Technique and tactic ids of MITRE ATT&CK.
var (
	technique = regexp.MustCompile(`^T(\d{4})(?:\.(\d{3}))?$`)
	tactic    = regexp.MustCompile(`^TA\d{4}$`)
)

func techniques(ids []string) string {
	var out []string
	for _, id := range ids[:min(len(ids), maxLinks)] {
		const site = "https://attack.mitre.org/"
		switch m := technique.FindStringSubmatch(id); {
		case m != nil && m[2] != "":
			out = append(out, fmt.Sprintf("<%stechniques/T%s/%s/|%s>", site, m[1], m[2], id))
		case m != nil:
			out = append(out, fmt.Sprintf("<%stechniques/%s/|%s>", site, id, id))
		case tactic.MatchString(id):
			out = append(out, fmt.Sprintf("<%stactics/%s/|%s>", site, id, id))
		default:
			out = append(out, line(id, 32))
		}
	}
	if more := len(ids) - maxLinks; more > 0 {
		out = append(out, fmt.Sprintf("%d more", more))
	}
	return strings.Join(out, ", ")
}

// date shows the reader's own time zone, and UTC where a client can't.
func date(t time.Time) string {
	return fmt.Sprintf("<!date^%d^{date_short_pretty} {time_secs}|%s>", t.Unix(), t.UTC().Format("2006-01-02 15:04:05 UTC"))
}
