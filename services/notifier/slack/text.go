package slack

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/slack-go/slack/slackutilsx"
)

// line returns any text as one line of mrkdwn, of at most limit characters.
// &, < and > are escaped, as docs.slack.dev/messaging/formatting-message-text
// says: without < there is no mention, link or date.
func line(s string, limit int) string {
	return clip(strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		return visible(r)
	}, s)), limit)
}

// lines returns any text as mrkdwn with its line breaks.
func lines(s string, limit int) string {
	return clip(strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		return visible(r)
	}, s), limit)
}

// visible drops control characters and those that reverse the direction of
// writing.
func visible(r rune) rune {
	if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
		return -1
	}
	return r
}

// list joins escaped lines between head and tail: as many as fit, and the number
// of the others. It returns nothing if there are no lines.
func list(head string, all []string, tail string, limit int) string {
	if len(all) == 0 {
		return ""
	}
	const more = len("… 99999 more\n")
	room := limit - length(head) - length(tail) - more
	var out strings.Builder
	out.WriteString(head)
	for i, l := range all {
		if room -= length(l) + 1; room < 0 {
			fmt.Fprintf(&out, "… %d more\n", len(all)-i)
			break
		}
		out.WriteString(l)
		out.WriteByte('\n')
	}
	return strings.TrimSuffix(out.String(), "\n") + tail
}

// length counts as clip does.
func length(s string) int { return len(utf16.Encode([]rune(s))) }

const ellipsis = "…" // one character

// clip escapes s and cuts it to limit characters, never within an entity. It
// counts in UTF-16, the largest count that Slack's "characters" can mean.
func clip(s string, limit int) string {
	var out strings.Builder
	length, keep := 0, 0 // keep is where out is cut if it gets too long
	for _, r := range s {
		escaped := slackutilsx.EscapeMessage(string(r))
		length += len(utf16.Encode([]rune(escaped)))
		if length > limit {
			return out.String()[:keep] + ellipsis
		}
		out.WriteString(escaped)
		if length < limit {
			keep = out.Len()
		}
	}
	return out.String()
}
