package event

import (
	"encoding/binary"
	"fmt"
	"time"

	"headstart/event/wire"

	"github.com/klauspost/compress/s2"
)

// Messages between services are msgpack maps. The first entry is "v", the wire
// version, which a reader checks before anything else.
const wireVersion = 1

// writeHeader begins a message with a number of fields and the version.
func writeHeader(w *wire.Writer, fields int) {
	w.Map(1 + fields)
	w.String("v")
	w.Uint(wireVersion)
}

// readMessage calls field for every entry but the version. field reads the
// value of a key that it knows; the value of another is skipped.
func readMessage(r *wire.Reader, data []byte, field func(key []byte) (known bool)) error {
	if len(data) > MaxMessage {
		return fmt.Errorf("%d bytes, more than %d", len(data), MaxMessage)
	}
	r.Reset(data)
	entries := r.Map()
	if r.Err() != nil {
		return fmt.Errorf("not a msgpack map: %w", r.Err())
	}
	if entries == 0 {
		return fmt.Errorf("%w: the map is empty", ErrVersion)
	}
	if err := readVersion(r); err != nil {
		return err
	}
	for i := range entries - 1 {
		key := r.Text()
		if r.Err() != nil {
			return fmt.Errorf("key %d: %w", i+1, r.Err())
		}
		if !field(key) {
			r.Skip()
		}
		if r.Err() != nil {
			return fmt.Errorf("%.32q: %w", key, r.Err())
		}
	}
	return r.End()
}

func readVersion(r *wire.Reader) error {
	key := r.Text()
	if r.Err() == nil && string(key) != "v" {
		return fmt.Errorf("%w: the first key is %.32q, not \"v\"", ErrVersion, key)
	}
	switch version := r.Uint64(); {
	case r.Err() != nil:
		return fmt.Errorf("wire version: %w", r.Err())
	case version != wireVersion:
		return fmt.Errorf("%w %d: this program reads version %d; update the older of the two", ErrVersion, version, wireVersion)
	}
	return nil
}

// writeNames writes the fields that begin every message.
func writeNames(w *wire.Writer, id SnapshotID) {
	w.String("host")
	w.String(id.Host)
	w.String("boot")
	w.String(id.BootID)
	w.String("run")
	w.String(id.Run)
	w.String("seq")
	w.Uint(id.Sequence)
}

// writeRows writes the fields that end every message: of how many parts it is
// which one, its number of rows, and the rows compressed.
func writeRows(w *wire.Writer, part, parts uint16, count string, rows int, key string, packed []byte) {
	w.String("part")
	w.Uint(pair(part, parts))
	w.String(count)
	w.Int(int64(rows))
	w.String(key)
	w.Binary(packed)
}

// pair is two numbers of 16 bits in one of 32.
func pair(high, low uint16) uint64 { return uint64(high)<<16 | uint64(low) }

func readPair(r *wire.Reader) (high, low uint16) {
	v := r.Uint32()
	return uint16(v >> 16), uint16(v)
}

// readName reads a string, without an allocation when it is the old one:
// consecutive messages of a host share most of them.
func readName(r *wire.Reader, old string) string {
	name := r.Text()
	if len(name) > MaxName {
		r.Fail(fmt.Errorf("%d bytes, more than %d", len(name), MaxName))
		return ""
	}
	if old == string(name) {
		return old
	}
	return string(name)
}

func readNames(r *wire.Reader, old []string) []string {
	names := old[:0]
	for i := range r.Array(MaxRoles) {
		var before string
		if i < len(old) {
			before = old[i]
		}
		names = append(names, readName(r, before))
	}
	return names
}

func writeTime(w *wire.Writer, t time.Time) {
	if t.IsZero() {
		w.Int(0)
		return
	}
	w.Int(t.UnixNano())
}

func readTime(r *wire.Reader) time.Time { return timeOf(r.Int()) }

func timeOf(nanoseconds int64) time.Time {
	if nanoseconds == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanoseconds).UTC()
}

func writeAddress(w *wire.Writer, a Address) {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], a.Hi)
	binary.BigEndian.PutUint64(raw[8:], a.Lo)
	if a.Is4() {
		w.Binary(raw[12:])
		return
	}
	w.Binary(raw[:])
}

func readAddress(r *wire.Reader) Address {
	switch raw := r.Binary(); len(raw) {
	case 4:
		return AddressFrom4(binary.BigEndian.Uint32(raw))
	case 16:
		return Address{binary.BigEndian.Uint64(raw[:8]), binary.BigEndian.Uint64(raw[8:])}
	default:
		r.Fail(fmt.Errorf("an address of %d bytes", len(raw)))
		return Address{}
	}
}

func writeAddresses(w *wire.Writer, all []Address) {
	w.Array(len(all))
	for _, a := range all {
		writeAddress(w, a)
	}
}

func readAddresses(r *wire.Reader, all []Address) []Address {
	for range r.Array(MaxAddresses) {
		all = append(all, readAddress(r))
	}
	return all
}

// compress returns what decompress accepts, as an s2 block in scratch.
func compress(scratch, data []byte) ([]byte, error) {
	if len(data) > MaxUnpacked {
		return scratch, fmt.Errorf("%d bytes before compression, more than %d: %w", len(data), MaxUnpacked, errTooMany)
	}
	return s2.Encode(scratch, data), nil
}

// decompress returns the data of an s2 block in scratch, within MaxUnpacked.
func decompress(scratch, block []byte) ([]byte, error) {
	n, err := s2.DecodedLen(block)
	if err != nil {
		return scratch, err
	}
	if n > MaxUnpacked {
		return scratch, fmt.Errorf("unpacks to %d bytes, more than %d", n, MaxUnpacked)
	}
	return s2.Decode(scratch[:cap(scratch)], block)
}
