package wire

import "github.com/vmihailenco/msgpack/v5"

// Writer appends msgpack values to a byte slice. The zero Writer is ready
// after Reset. It is reused, by one goroutine at a time.
type Writer struct {
	encoder *msgpack.Encoder
	to      *buffer
}

// Reset makes the Writer append to dst.
func (w *Writer) Reset(dst []byte) {
	if w.encoder == nil {
		w.to = new(buffer)
		w.encoder = msgpack.NewEncoder(w.to)
	}
	w.to.bytes = dst
}

// Bytes returns dst and what was appended to it.
func (w *Writer) Bytes() []byte { return w.to.bytes }

// The encoder returns the errors of its writer, and a buffer has none.

// Map begins a map of n entries.
func (w *Writer) Map(n int) { _ = w.encoder.EncodeMapLen(n) }

// Array begins an array of n entries.
func (w *Writer) Array(n int) { _ = w.encoder.EncodeArrayLen(n) }

// String appends a string.
func (w *Writer) String(s string) { _ = w.encoder.EncodeString(s) }

// Binary appends a byte string, an empty one for nil.
func (w *Writer) Binary(b []byte) {
	_ = w.encoder.EncodeBytesLen(len(b))
	w.to.bytes = append(w.to.bytes, b...)
}

// Int appends a number.
func (w *Writer) Int(n int64) { _ = w.encoder.EncodeInt(n) }

// Uint appends a number.
func (w *Writer) Uint(n uint64) { _ = w.encoder.EncodeUint(n) }

// Nil appends nil.
func (w *Writer) Nil() { _ = w.encoder.EncodeNil() }

// Strings appends an array of strings.
func (w *Writer) Strings(all []string) {
	w.Array(len(all))
	for _, s := range all {
		w.String(s)
	}
}

// buffer is a bytes.Buffer on the caller's slice.
type buffer struct{ bytes []byte }

func (b *buffer) Write(p []byte) (int, error) {
	b.bytes = append(b.bytes, p...)
	return len(p), nil
}

func (b *buffer) WriteByte(c byte) error {
	b.bytes = append(b.bytes, c)
	return nil
}
