package slack

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"golang.org/x/time/rate"
)

// server stands in for hooks.slack.com: it rejects what Slack's documentation
// rejects, with the documented status and error
// (docs.slack.dev/messaging/sending-messages-using-incoming-webhooks and
// docs.slack.dev/changelog/2016-05-17-changes-to-errors-for-incoming-webhooks).
type server struct {
	*httptest.Server
	limit *rate.Limiter

	mu     sync.Mutex
	posted []posting
	faults []string // of rejected messages
}

type posting struct {
	Text        string       `json:"text"`
	Blocks      []block      `json:"blocks"`
	Attachments []attachment `json:"attachments"`
	UnfurlLinks *bool        `json:"unfurl_links"`
	UnfurlMedia *bool        `json:"unfurl_media"`
	Replace     bool         `json:"replace_original"`
	Delete      bool         `json:"delete_original"`
}

type attachment struct {
	Color    string  `json:"color"`
	Fallback string  `json:"fallback"`
	Blocks   []block `json:"blocks"`
}

type block struct {
	Type     string `json:"type"`
	Text     *text  `json:"text"`
	Fields   []text `json:"fields"`
	Elements []text `json:"elements"`
}

type text struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Emoji    *bool  `json:"emoji"`
	Verbatim bool   `json:"verbatim"`
}

// answers are the statuses of posts to /services/<word>.
var answers = map[string]int{
	"invalid_payload":                   http.StatusBadRequest,
	"user_not_found":                    http.StatusBadRequest,
	"no_text":                           http.StatusBadRequest,
	"too_many_attachments":              http.StatusBadRequest,
	"action_prohibited":                 http.StatusForbidden,
	"posting_to_general_channel_denied": http.StatusForbidden,
	"invalid_token":                     http.StatusForbidden,
	"channel_not_found":                 http.StatusNotFound,
	"no_service":                        http.StatusNotFound,
	"no_active_hooks":                   http.StatusNotFound,
	"no_team":                           http.StatusNotFound,
	"channel_is_archived":               http.StatusGone,
	"rollup_error":                      http.StatusInternalServerError,
	"service_unavailable":               http.StatusServiceUnavailable,
}

func newServer(t testing.TB) *server {
	s := &server{limit: rate.NewLimiter(rate.Inf, 1)}
	s.Server = httptest.NewServer(s)
	t.Cleanup(func() {
		s.Close()
		for _, fault := range s.faults {
			t.Errorf("Slack rejects: %s", fault)
		}
	})
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status, word := s.judge(w, r)
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	io.WriteString(w, word)
}

func (s *server) judge(w http.ResponseWriter, r *http.Request) (status int, word string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Method != http.MethodPost {
		return http.StatusMethodNotAllowed, "method_not_allowed"
	}
	if !s.limit.Allow() {
		w.Header().Set("Retry-After", "1")
		s.faults = append(s.faults, "too many requests")
		return http.StatusTooManyRequests, `{"ok":false,"error":"rate_limited"}`
	}
	last := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	if status, ok := answers[last]; ok {
		return status, last
	}
	var p posting
	fault := decode(r, &p)
	switch {
	case fault != nil:
		word = "invalid_payload"
	case len(p.Attachments) > 100:
		word, fault = "too_many_attachments", fmt.Errorf("%d attachments", len(p.Attachments))
	case p.Text == "" && len(p.Blocks) == 0 && len(p.Attachments) == 0:
		word, fault = "no_text", fmt.Errorf("nothing to show")
	default:
		word, fault = "invalid_blocks", p.check()
	}
	if fault != nil {
		s.faults = append(s.faults, fault.Error())
		return http.StatusBadRequest, word
	}
	s.posted = append(s.posted, p)
	return http.StatusOK, "ok"
}

func decode(r *http.Request, to *posting) error {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return fmt.Errorf("Content-Type %q", r.Header.Get("Content-Type"))
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	return d.Decode(to)
}

var colour = regexp.MustCompile(`^#[0-9a-f]{6}$`)

// check holds a message to docs.slack.dev/reference/block-kit.
func (p *posting) check() error {
	blocks := p.Blocks
	for _, a := range p.Attachments {
		if !colour.MatchString(a.Color) {
			return fmt.Errorf("colour %q", a.Color)
		}
		blocks = append(blocks, a.Blocks...)
	}
	if len(blocks) > 50 {
		return fmt.Errorf("%d blocks", len(blocks))
	}
	for i, b := range blocks {
		if err := b.check(); err != nil {
			return fmt.Errorf("block %d, %s: %w", i, b.Type, err)
		}
	}
	return nil
}

func (b *block) check() error {
	switch b.Type {
	case "header":
		if b.Text == nil || b.Text.Type != "plain_text" {
			return fmt.Errorf("no plain_text")
		}
		return b.Text.check(150)
	case "section":
		if b.Text == nil && len(b.Fields) == 0 {
			return fmt.Errorf("neither text nor fields")
		}
		if len(b.Fields) > 10 {
			return fmt.Errorf("%d fields", len(b.Fields))
		}
		for _, f := range b.Fields {
			if err := f.check(2000); err != nil {
				return fmt.Errorf("field: %w", err)
			}
		}
		if b.Text != nil {
			return b.Text.check(3000)
		}
		return nil
	case "context":
		if n := len(b.Elements); n == 0 || n > 10 {
			return fmt.Errorf("%d elements", n)
		}
		for _, e := range b.Elements {
			if err := e.check(3000); err != nil {
				return fmt.Errorf("element: %w", err)
			}
		}
		return nil
	default:
		return fmt.Errorf("not a block that headstart sends")
	}
}

// entity is what may follow an & and link what may stand in < and >.
var (
	entity = regexp.MustCompile(`&(?:amp|lt|gt);`)
	link   = regexp.MustCompile(`<https://attack\.mitre\.org/(?:techniques|tactics)/[TA0-9/]+\|[TA0-9.]+>|<!date\^-?\d+\^[^<>|^]+\|[^<>]+>`)
)

func (t *text) check(most int) error {
	if n := len(utf16.Encode([]rune(t.Text))); n < 1 || n > most {
		return fmt.Errorf("%d characters, not 1 to %d", n, most)
	}
	switch t.Type {
	case "plain_text":
		if t.Verbatim {
			return fmt.Errorf("verbatim on plain_text")
		}
	case "mrkdwn":
		if t.Emoji != nil {
			return fmt.Errorf("emoji on mrkdwn")
		}
		if !t.Verbatim {
			return fmt.Errorf("Slack would look for links in %q", t.Text)
		}
	default:
		return fmt.Errorf("text type %q", t.Type)
	}
	rest := t.Text
	if t.Type == "mrkdwn" {
		rest = link.ReplaceAllString(rest, "")
	}
	if rest = entity.ReplaceAllString(rest, ""); strings.ContainsAny(rest, "&<>") {
		return fmt.Errorf("control characters that mean nothing known in %q", t.Text)
	}
	return nil
}

// strict makes the server as slow to take messages as Slack may be, one a
// second after a burst.
func (s *server) strict(burst int) { s.limit = rate.NewLimiter(rate.Every(time.Second), burst) }
