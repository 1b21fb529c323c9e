package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"strings"
	"text/template"

	"headstart/event"
	"headstart/services/notifier/delivery"
)

const maxBody = 1 << 20 // bytes

// alertPayload and incidentPayload are the default body and the data of a
// template.
type alertPayload struct {
	Type string `json:"type"`
	*event.Alert
}

type incidentPayload struct {
	Type   string          `json:"type"`
	Action delivery.Action `json:"action"`
	*event.Incident
}

func payloadOf(n delivery.Notification) any {
	if n.Incident != nil {
		return incidentPayload{"incident", n.Action, n.Incident}
	}
	return alertPayload{"alert", n.Alert}
}

// Body renders the body of a request from a template. A nil Body renders the
// notification as JSON.
type Body struct{ template *template.Template }

// ParseBody parses a text/template and renders samples of each kind: one with all
// fields, whose texts need quoting in JSON, and one without the optional fields.
// With a JSON content type, the results must be valid JSON.
//
// The data is the event.Alert with .Type, or the event.Incident with .Type and
// .Action. Besides text/template's own functions there are json (any value as
// JSON), join (a separator and a list), upper and lower.
func ParseBody(text, contentType string, of delivery.Kinds) (*Body, error) {
	t, err := template.New("body").Funcs(template.FuncMap{
		"json":  toJSON,
		"join":  func(separator string, list []string) string { return strings.Join(list, separator) },
		"upper": strings.ToUpper,
		"lower": strings.ToLower,
	}).Parse(text)
	if err != nil {
		return nil, err
	}
	b := &Body{t}
	for _, sample := range samples(of) {
		out, err := b.render(sample.notification)
		if err != nil {
			return nil, fmt.Errorf("with a sample %s: %w", sample.of, err)
		}
		if isJSON(contentType) && !json.Valid(out) {
			return nil, fmt.Errorf("with a sample %s: not valid JSON, which the Content-Type requires: write {{ json .Title }} for \"{{ .Title }}\"", sample.of)
		}
	}
	return b, nil
}

func isJSON(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && (media == "application/json" || strings.HasSuffix(media, "+json"))
}

func toJSON(v any) (string, error) {
	var out strings.Builder
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "", err
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}

func (b *Body) render(n delivery.Notification) ([]byte, error) {
	var out limited
	if b == nil {
		err := json.NewEncoder(&out).Encode(payloadOf(n))
		return bytes.TrimSuffix(out.content.Bytes(), []byte("\n")), err
	}
	err := b.template.Execute(&out, payloadOf(n))
	return out.content.Bytes(), err
}

// limited accepts at most maxBody bytes.
type limited struct{ content bytes.Buffer }

var errTooLong = errors.New("the body is longer than 1 MiB")

func (l *limited) Write(p []byte) (int, error) {
	if l.content.Len()+len(p) > maxBody {
		return 0, errTooLong
	}
	return l.content.Write(p)
}
