// Package event is the contract between headstart's services: messages,
// subjects and encodings. Everything here is a plain value; nothing here talks to a network,
// reads a file or looks at a clock.
//
// It guarantees:
//   - Encoding is deterministic: equal values give equal bytes, and message
//     ids depend on the value alone, so a message sent twice is stored once.
//   - Decoding is safe on hostile bytes: every length is checked against a
//     limit before anything is allocated, an unknown wire version is rejected
//     ([ErrVersion]), and an error names the field at fault.
//   - Unknown keys are skipped: a newer sender may add fields within one wire
//     version.
package event
