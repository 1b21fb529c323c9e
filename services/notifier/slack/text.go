package slack

import (
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/slack-go/slack/slackutilsx"
)

// line makes one line of mrkdwn of any text, of at most limit characters.
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

// lines is line for a text that may have several.
func lines(s string, limit int) string {
	return clip(strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		return visible(r)
	}, s), limit)
}

// visible drops what has no shape and changes that of the text around it:
// control characters, and those that reverse the direction of writing.
func visible(r rune) rune {
	if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
		return -1
	}
	return r
}

const ellipsis = "…" // one character

// clip escapes s and cuts it to limit characters, never within an entity. It
// counts in UTF-16, the most that any sense of Slack's "characters" gives.
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
