package endpoint

import (
	"errors"
	"net/url"

	"headstart/daemon"
)

// Address is a URL for POST requests. It doesn't print, since the URL of a webhook
// is often a credential.
type Address struct {
	// A function, since fmt prints any other unexported field: it can't call
	// the methods of a daemon.Secret there.
	reveal func() string
}

// ParseAddress accepts an absolute http or https URL without credentials.
// Its errors don't contain the URL.
func ParseAddress(raw daemon.Secret) (Address, error) {
	u, err := url.Parse(raw.Reveal())
	switch {
	case err != nil:
		return Address{}, errors.New("not a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return Address{}, errors.New("not an absolute http:// or https:// URL")
	case u.Hostname() == "":
		return Address{}, errors.New("the URL has no host")
	case u.User != nil:
		return Address{}, errors.New("the URL has credentials: send them in an Authorization header from a file or the environment")
	}
	return Address{raw.Reveal}, nil
}
