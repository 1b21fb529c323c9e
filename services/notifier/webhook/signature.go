package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"strings"
	"time"

	"headstart/daemon"
)

// Bounds of a secret in bytes by the Standard Webhooks specification, and the
// maximum number of active secrets during a rotation.
const (
	minKey  = 24
	maxKey  = 64
	maxKeys = 8
)

// Key signs requests by the Standard Webhooks specification 1.0.0, with
// HMAC-SHA256. It doesn't print.
type Key struct {
	mac func() hash.Hash
}

// ParseKeys parses secrets in the form of the specification: whsec_ and
// 24 to 64 bytes in base64. Several are separated by white space. Its errors
// don't contain a secret.
func ParseKeys(secrets daemon.Secret) ([]Key, error) {
	words := strings.Fields(secrets.Reveal())
	if len(words) == 0 || len(words) > maxKeys {
		return nil, fmt.Errorf("holds %d secrets, not 1 to %d", len(words), maxKeys)
	}
	keys := make([]Key, len(words))
	for i, word := range words {
		raw, err := decodeSecret(word)
		if err != nil {
			return nil, fmt.Errorf("secret %d of %d: %w", i+1, len(words), err)
		}
		keys[i].mac = func() hash.Hash { return hmac.New(sha256.New, raw) }
	}
	return keys, nil
}

func decodeSecret(word string) ([]byte, error) {
	encoded, ok := strings.CutPrefix(word, "whsec_")
	if !ok {
		return nil, errors.New("doesn't begin with whsec_")
	}
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, errors.New("what follows whsec_ isn't base64")
	}
	if len(raw) < minKey || len(raw) > maxKey {
		return nil, fmt.Errorf("%d bytes, not %d to %d", len(raw), minKey, maxKey)
	}
	return raw, nil
}

func (k Key) sign(id string, at time.Time, body []byte) string {
	mac := k.mac()
	fmt.Fprintf(mac, "%s.%d.", id, at.Unix())
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// signatures returns one signature a key, as the field takes them.
func signatures(keys []Key, id string, at time.Time, body []byte) string {
	all := make([]string, len(keys))
	for i, k := range keys {
		all[i] = k.sign(id, at, body)
	}
	return strings.Join(all, " ")
}
