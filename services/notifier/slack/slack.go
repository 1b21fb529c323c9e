// Package slack is the receiver for Slack's incoming webhooks, and for services
// that accept the same messages.
//
// It guarantees:
//   - A message is within Block Kit's limits, whatever the alert contains: longer
//     texts are cut.
//   - No name of a host or a rule becomes a mention, a link, a channel or a new
//     line.
//   - At most one message a second is sent, with a small burst: Slack's rate
//     limit of a webhook.
//
// Slack doesn't remember ids: a message that it accepted just before the notifier
// was killed is posted again.
package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"time"

	"golang.org/x/time/rate"

	"headstart/services/notifier/delivery"
	"headstart/services/notifier/delivery/endpoint"
)

// Slack allows one message a second and short bursts of unspecified length
// (docs.slack.dev/apis/web-api/rate-limits, "Posting messages").
const (
	pace  = 1 // messages a second
	burst = 3
)

// Slack posts to one incoming webhook. It is a [delivery.Sender].
type Slack struct {
	endpoint *endpoint.Endpoint
	limiter  *rate.Limiter
}

// New returns a receiver for the webhook at o.Address. It sets o.Explain.
func New(o endpoint.Options) *Slack {
	o.Explain = errorWord
	return &Slack{endpoint.New(o), rate.NewLimiter(pace, burst)}
}

// Send implements [delivery.Sender]. It blocks until the pace allows another
// message.
func (s *Slack) Send(ctx context.Context, n delivery.Notification) (delivery.Outcome, error) {
	body, err := json.Marshal(message(n))
	if err != nil {
		return delivery.Deadf("make the message: %v", err), nil
	}
	if err := s.limiter.Wait(ctx); err != nil {
		if ctx.Err() != nil {
			return delivery.Outcome{}, context.Cause(ctx)
		}
		return delivery.Heldf(time.Second, "more than one message a second"), nil
	}
	return s.endpoint.Post(ctx, http.Header{"Content-Type": {"application/json"}}, body)
}

// word is what the errors of incoming webhooks look like, such as
// channel_is_archived. Slack answers them as plain text.
var word = regexp.MustCompile(`^[a-z_]{1,64}$`)

func errorWord(body []byte) string {
	body = bytes.TrimSpace(body)
	if !word.Match(body) {
		return ""
	}
	return string(body)
}
