// Package wire reads and writes the msgpack of messages and of saved state, on
// the streaming encoder and decoder of vmihailenco/msgpack/v5.
//
// It guarantees:
//   - Neither direction uses reflection or allocates, once its scratch space
//     has grown: strings and bytes are read in place, as slices of the input.
//   - Reading is strict. A value is of the kind that the caller wants: nil is
//     no number, a string is no byte string, an extension is neither.
//   - Reading is safe on hostile bytes: a length is checked against the input
//     that is left before it is used, and skipping a value takes constant
//     stack and no memory, however deep it is nested.
//   - Writing is deterministic: a number takes its shortest form.
package wire
