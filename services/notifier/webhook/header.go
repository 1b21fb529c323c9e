package webhook

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"golang.org/x/net/http/httpguts"

	"headstart/daemon"
)

// The header fields that this package sets.
const (
	fieldID          = "Webhook-Id"
	fieldTimestamp   = "Webhook-Timestamp"
	fieldSignature   = "Webhook-Signature"
	fieldContentType = "Content-Type"
)

const maxHeaderValue = 8 << 10 // bytes

// Header is the additional header fields of each request, by canonical name.
type Header map[string]daemon.Secret

// Add adds a field. It rejects a field that headstart sets and a duplicate. Its
// errors don't contain the value.
func (h Header) Add(name string, value daemon.Secret) error {
	canonical := http.CanonicalHeaderKey(name)
	_, twice := h[canonical]
	switch {
	case !httpguts.ValidHeaderFieldName(name):
		return fmt.Errorf("%.64q isn't the name of a header field", name)
	case slices.Contains([]string{
		fieldID, fieldTimestamp, fieldSignature, "User-Agent",
		"Host", "Content-Length", "Transfer-Encoding", "Connection", "Trailer", "Te", "Upgrade", "Expect",
	}, canonical):
		return fmt.Errorf("%s can't be set: headstart sets it", canonical)
	case twice:
		return fmt.Errorf("%s is there already", canonical)
	case len(value) > maxHeaderValue:
		return fmt.Errorf("%s: %d bytes, more than %d", canonical, len(value), maxHeaderValue)
	case !httpguts.ValidHeaderFieldValue(value.Reveal()):
		return errors.New(canonical + ": a control character in the value")
	}
	h[canonical] = value
	return nil
}

// ContentType returns the field of that name, application/json unless set.
func (h Header) ContentType() string {
	if v, ok := h[fieldContentType]; ok {
		return v.Reveal()
	}
	return "application/json"
}

func (h Header) reveal() http.Header {
	out := http.Header{fieldContentType: {h.ContentType()}}
	for name, value := range h {
		out[name] = []string{value.Reveal()}
	}
	return out
}
