// Package webhook is the receiver for any HTTP server that accepts POST requests:
// ticket systems, chat, automation.
//
// It guarantees:
//   - A notification has the same webhook-id at every attempt, so that a server
//     that remembers ids handles each once.
//   - With a key, every request is signed by the Standard Webhooks specification
//     1.0.0; webhook-timestamp is the time of the attempt.
//   - Parsing rejects a template that fails on a sample notification. A
//     notification on which a template fails later is dead-lettered.
package webhook

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"headstart/services/notifier/delivery"
	"headstart/services/notifier/delivery/endpoint"
)

// Options are the options of a webhook.
type Options struct {
	Endpoint endpoint.Options
	Header   Header
	Keys     []Key // every request has one signature a key; none: unsigned
	Body     *Body // nil: the notification's JSON
}

// Webhook sends notifications to one address. It is a [delivery.Sender].
type Webhook struct {
	endpoint *endpoint.Endpoint
	header   func() http.Header // a function, since fmt would print a map's values
	keys     []Key
	body     *Body
}

// New returns a webhook.
func New(o Options) *Webhook {
	return &Webhook{endpoint: endpoint.New(o.Endpoint), header: o.Header.reveal, keys: o.Keys, body: o.Body}
}

// Send implements [delivery.Sender].
func (w *Webhook) Send(ctx context.Context, n delivery.Notification) (delivery.Outcome, error) {
	body, err := w.body.render(n)
	if err != nil {
		return delivery.Deadf("render body: %v", err), nil
	}
	at := time.Now()
	header := w.header()
	header.Set(fieldID, n.ID)
	header.Set(fieldTimestamp, strconv.FormatInt(at.Unix(), 10))
	if len(w.keys) > 0 {
		header.Set(fieldSignature, signatures(w.keys, n.ID, at, body))
	}
	return w.endpoint.Post(ctx, header, body)
}
