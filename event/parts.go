package event

import (
	"errors"
	"fmt"
)

// errTooMany is a message with more rows than one may have.
var errTooMany = errors.New("too many rows")

// inParts encodes in as few messages of at most limit bytes as it can.
func inParts(what string, limit int, encode func(part, parts int) ([]byte, error)) ([][]byte, error) {
next:
	for parts := 1; parts <= MaxParts; parts++ {
		messages := make([][]byte, 0, parts)
		for part := range parts {
			message, err := encode(part, parts)
			if errors.Is(err, errTooMany) {
				continue next
			}
			if err != nil {
				return nil, err
			}
			if len(message) > limit {
				parts = max(parts, len(message)*parts/limit)
				continue next
			}
			messages = append(messages, message)
		}
		return messages, nil
	}
	return nil, fmt.Errorf("encode %s: doesn't fit into %d messages of %d bytes", what, MaxParts, limit)
}
