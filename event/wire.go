package event

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/klauspost/compress/s2"
	"github.com/tinylib/msgp/msgp"
)

// The services' messages are msgpack maps whose first entry is "v", the wire
// version: a byte that a reader checks before anything else.
const wireVersion = 1

func appendHeader(b []byte, fields uint32) []byte {
	b = msgp.AppendMapHeader(b, fields+1)
	b = msgp.AppendString(b, "v")
	return msgp.AppendUint8(b, wireVersion)
}

// readMap walks the map and calls field for every entry but the version.
// field returns the bytes after the value; errUnknownField skips it.
func readMap(data []byte, field func(key, rest []byte) ([]byte, error)) error {
	if len(data) > MaxMessage {
		return fmt.Errorf("%d bytes, more than %d", len(data), MaxMessage)
	}
	fields, rest, err := msgp.ReadMapHeaderBytes(data)
	if err != nil {
		return fmt.Errorf("not a msgpack map: %w", err)
	}
	if fields == 0 {
		return fmt.Errorf("%w: the map is empty", ErrVersion)
	}
	for i := range fields {
		var key []byte
		if key, rest, err = msgp.ReadStringZC(rest); err != nil {
			return fmt.Errorf("key %d: %w", i, err)
		}
		if i == 0 {
			if rest, err = readVersion(key, rest); err != nil {
				return err
			}
			continue
		}
		next, err := field(key, rest)
		if err == errUnknownField {
			next, err = msgp.Skip(rest)
		}
		if err != nil {
			return fmt.Errorf("%.32q: %w", key, err)
		}
		rest = next
	}
	if len(rest) > 0 {
		return fmt.Errorf("%d bytes after the end", len(rest))
	}
	return nil
}

var errUnknownField = fmt.Errorf("unknown field")

func readVersion(key, rest []byte) ([]byte, error) {
	if string(key) != "v" {
		return nil, fmt.Errorf("%w: the first key is %.32q, not \"v\"", ErrVersion, key)
	}
	version, rest, err := msgp.ReadUint64Bytes(rest)
	if err != nil {
		return nil, fmt.Errorf("wire version: %w", err)
	}
	if version != wireVersion {
		return nil, fmt.Errorf("%w %d: this program reads version %d; update the older of the two", ErrVersion, version, wireVersion)
	}
	return rest, nil
}

// readName reads a string into to, without an allocation when it is there
// already: consecutive messages of a host share most of them.
func readName(to *string, b []byte) ([]byte, error) {
	name, rest, err := msgp.ReadStringZC(b)
	if err != nil {
		return nil, err
	}
	if len(name) > MaxName {
		return nil, fmt.Errorf("%d bytes, more than %d", len(name), MaxName)
	}
	if *to != string(name) {
		*to = string(name)
	}
	return rest, nil
}

func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return msgp.AppendInt64(b, 0)
	}
	return msgp.AppendInt64(b, t.UnixNano())
}

func readTime(to *time.Time, b []byte) ([]byte, error) {
	n, rest, err := msgp.ReadInt64Bytes(b)
	*to = timeOf(n)
	return rest, err
}

func timeOf(nanoseconds int64) time.Time {
	if nanoseconds == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanoseconds).UTC()
}

func readDuration(to *time.Duration, b []byte) ([]byte, error) {
	n, rest, err := msgp.ReadInt64Bytes(b)
	*to = time.Duration(n)
	return rest, err
}

func appendAddress(b []byte, a Address) []byte {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], a.Hi)
	binary.BigEndian.PutUint64(raw[8:], a.Lo)
	if a.Is4() {
		return msgp.AppendBytes(b, raw[12:])
	}
	return msgp.AppendBytes(b, raw[:])
}

func readAddress(to *Address, b []byte) ([]byte, error) {
	raw, rest, err := msgp.ReadBytesZC(b)
	if err != nil {
		return nil, err
	}
	switch len(raw) {
	case 4:
		*to = AddressFrom4(binary.BigEndian.Uint32(raw))
	case 16:
		*to = Address{binary.BigEndian.Uint64(raw[:8]), binary.BigEndian.Uint64(raw[8:])}
	default:
		return nil, fmt.Errorf("an address of %d bytes", len(raw))
	}
	return rest, nil
}

func appendAddresses(b []byte, all []Address) []byte {
	b = msgp.AppendArrayHeader(b, uint32(len(all)))
	for _, a := range all {
		b = appendAddress(b, a)
	}
	return b
}

func readAddresses(to *[]Address, b []byte) ([]byte, error) {
	n, rest, err := readLength(b, MaxAddresses)
	if err != nil {
		return nil, err
	}
	*to = (*to)[:0]
	for range n {
		var a Address
		if rest, err = readAddress(&a, rest); err != nil {
			return nil, err
		}
		*to = append(*to, a)
	}
	return rest, nil
}

func appendNames(b []byte, all []string) []byte {
	b = msgp.AppendArrayHeader(b, uint32(len(all)))
	for _, s := range all {
		b = msgp.AppendString(b, s)
	}
	return b
}

func readNames(to *[]string, b []byte) ([]byte, error) {
	n, rest, err := readLength(b, MaxRoles)
	if err != nil {
		return nil, err
	}
	old := *to
	*to = old[:0]
	for i := range n {
		var name string
		if i < len(old) {
			name = old[i]
		}
		if rest, err = readName(&name, rest); err != nil {
			return nil, err
		}
		*to = append(*to, name)
	}
	return rest, nil
}

func readLength(b []byte, most int) (int, []byte, error) {
	n, rest, err := msgp.ReadArrayHeaderBytes(b)
	if err == nil && int(n) > most {
		err = fmt.Errorf("%d entries, more than %d", n, most)
	}
	return int(n), rest, err
}

// pack compresses what unpack will take into scratch, as an s2 block.
func pack(scratch, data []byte) ([]byte, error) {
	if len(data) > MaxUnpacked {
		return scratch, fmt.Errorf("%d bytes before compression, more than %d: %w", len(data), MaxUnpacked, errTooMany)
	}
	return s2.Encode(scratch, data), nil
}

// unpack decompresses an s2 block into scratch, within MaxUnpacked.
func unpack(scratch, block []byte) ([]byte, error) {
	n, err := s2.DecodedLen(block)
	if err != nil {
		return scratch, err
	}
	if n > MaxUnpacked {
		return scratch, fmt.Errorf("unpacks to %d bytes, more than %d", n, MaxUnpacked)
	}
	return s2.Decode(scratch[:cap(scratch)], block)
}
