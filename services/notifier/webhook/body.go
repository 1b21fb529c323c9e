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

// payload is what is sent where no template says otherwise, and what a
// template sees: the alert's fields next to the type.
type payload struct {
	Type string `json:"type"`
	*event.Alert
}

func payloadOf(n delivery.Notification) payload { return payload{"alert", n.Alert} }

// Body makes the body of a request from a template. A nil Body makes the
// notification's JSON.
type Body struct{ template *template.Template }

// ParseBody reads a text/template and tries it on sample alerts: one with all
// fields, whose texts need quoting in JSON, and one with none that can be
// absent. A body that is to be JSON must be JSON for both.
//
// The data is the event.Alert and .Type. Besides text/template's own functions
// there are json (any value as JSON), join (a separator and a list), upper and
// lower.
func ParseBody(text, contentType string) (*Body, error) {
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
	for _, sample := range samples() {
		out, err := b.render(sample.notification)
		if err != nil {
			return nil, fmt.Errorf("with a sample alert that has %s: %w", sample.has, err)
		}
		if isJSON(contentType) && !json.Valid(out) {
			return nil, fmt.Errorf("with a sample alert that has %s: not JSON, as the Content-Type says it is; write {{ json .Title }} for \"{{ .Title }}\"", sample.has)
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

// limited takes at most maxBody bytes.
type limited struct{ content bytes.Buffer }

var errTooLong = errors.New("the body is longer than 1 MiB")

func (l *limited) Write(p []byte) (int, error) {
	if l.content.Len()+len(p) > maxBody {
		return 0, errTooLong
	}
	return l.content.Write(p)
}
