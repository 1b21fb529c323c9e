package endpoint

import (
	"errors"
	"net/url"

	"headstart/daemon"
)

// Address is a URL that can be posted to. It doesn't print itself, since a
// webhook's URL is often all it takes to post there.
type Address struct {
	// A function, since fmt prints the value of any other type: it can't
	// call a daemon.Secret's methods in an unexported field.
	reveal func() string
}

// ParseAddress accepts an absolute http or https URL without credentials.
// Its errors hold nothing of the URL.
func ParseAddress(raw daemon.Secret) (Address, error) {
	u, err := url.Parse(raw.Reveal())
	switch {
	case err != nil:
		return Address{}, errors.New("not a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return Address{}, errors.New("not an absolute http:// or https:// URL")
	case u.Hostname() == "":
		return Address{}, errors.New("the URL names no host")
	case u.User != nil:
		return Address{}, errors.New("the URL holds credentials; send them in an Authorization header from a file or the environment")
	}
	return Address{raw.Reveal}, nil
}
