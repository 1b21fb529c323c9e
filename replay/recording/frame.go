package recording

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"headstart/event"
)

// A file is magic and frames. A frame is the length of its body and the CRC-32C
// of that (both four bytes, little-endian as all numbers), and the body: when
// the stream was created, the sequence, when it was stored and when sent, in
// nanoseconds since 1970 or 0 (eight bytes each), the length of the subject (two
// bytes), the subject, the message.
const (
	magic      = "HSR1"
	frameHead  = 4 + 4
	bodyHead   = 4*8 + 2
	maxSubject = 1<<16 - 1
	maxBody    = bodyHead + maxSubject + event.MaxMessage
)

// errTorn is an incomplete frame. errForeign is a file of another format, or of a
// newer version.
var (
	errTorn    = errors.New("cut off or damaged")
	errForeign = errors.New("not a recording of this format")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func appendFrame(b []byte, m *Message) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(bodyHead+len(m.Subject)+len(m.Data)))
	b = append(b, 0, 0, 0, 0)
	body := len(b)
	b = binary.LittleEndian.AppendUint64(b, uint64(event.Nanoseconds(m.Stream)))
	b = binary.LittleEndian.AppendUint64(b, m.Sequence)
	b = binary.LittleEndian.AppendUint64(b, uint64(event.Nanoseconds(m.StoredAt)))
	b = binary.LittleEndian.AppendUint64(b, uint64(event.Nanoseconds(m.SentAt)))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(m.Subject)))
	b = append(append(b, m.Subject...), m.Data...)
	binary.LittleEndian.PutUint32(b[body-4:], crc32.Checksum(b[body:], castagnoli))
	return b
}

// readFrame reads the first frame of b into m, whose data is part of b.
func readFrame(b []byte, m *Message) (rest []byte, err error) {
	if len(b) < frameHead {
		return nil, errTorn
	}
	size, sum := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:])
	body := b[frameHead:]
	if size < bodyHead || size > maxBody || int(size) > len(body) {
		return nil, errTorn
	}
	body, rest = body[:size], body[size:]
	if crc32.Checksum(body, castagnoli) != sum {
		return nil, errTorn
	}
	subject := int(binary.LittleEndian.Uint16(body[bodyHead-2:]))
	if subject > len(body)-bodyHead {
		return nil, errTorn
	}
	if name := body[bodyHead : bodyHead+subject]; m.Subject != string(name) {
		m.Subject = string(name)
	}
	m.Data = body[bodyHead+subject:]
	m.Stream = event.TimeAt(int64(binary.LittleEndian.Uint64(body)))
	m.Sequence = binary.LittleEndian.Uint64(body[8:])
	m.StoredAt = event.TimeAt(int64(binary.LittleEndian.Uint64(body[16:])))
	m.SentAt = event.TimeAt(int64(binary.LittleEndian.Uint64(body[24:])))
	return rest, nil
}

// scan calls do with the messages of a file's content. whole is the length of its
// whole frames.
func scan(content []byte, do func(*Message) error) (whole int, err error) {
	if n := min(len(content), len(magic)); string(content[:n]) != magic[:n] {
		return 0, errForeign
	} else if n < len(magic) {
		return 0, errTorn
	}
	var m Message
	for rest := content[len(magic):]; ; {
		whole = len(content) - len(rest)
		if len(rest) == 0 {
			return whole, nil
		}
		if rest, err = readFrame(rest, &m); err != nil {
			return whole, fmt.Errorf("at byte %d: %w", whole, err)
		}
		if err := do(&m); err != nil {
			return whole, err
		}
	}
}
