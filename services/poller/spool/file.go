package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
)

// A file holds one message: magic, the CRC-32C of all that follows, the length
// of the id (both four bytes, little-endian), the id, the payload.
const (
	magic      = "HSP1"
	headerSize = len(magic) + 4 + 4
)

var errDamaged = errors.New("damaged")

// isDamage reports whether reading a message failed for good.
func isDamage(err error) bool {
	return errors.Is(err, errDamaged) || errors.Is(err, fs.ErrNotExist)
}

func encode(m Message) []byte {
	data := make([]byte, headerSize, headerSize+len(m.ID)+len(m.Payload))
	copy(data, magic)
	binary.LittleEndian.PutUint32(data[8:], uint32(len(m.ID)))
	data = append(data, m.ID...)
	data = append(data, m.Payload...)
	binary.LittleEndian.PutUint32(data[4:], checksum(data))
	return data
}

// decode returns a message whose payload is part of data.
func decode(data []byte) (Message, error) {
	if len(data) < headerSize || string(data[:len(magic)]) != magic {
		return Message{}, fmt.Errorf("%w: %d bytes without the beginning of a spool's file", errDamaged, len(data))
	}
	if binary.LittleEndian.Uint32(data[4:]) != checksum(data) {
		return Message{}, fmt.Errorf("%w: wrong checksum", errDamaged)
	}
	id := uint64(binary.LittleEndian.Uint32(data[8:]))
	body := data[headerSize:]
	if id > uint64(len(body)) {
		return Message{}, fmt.Errorf("%w: an id of %d bytes in %d", errDamaged, id, len(body))
	}
	return Message{ID: string(body[:id]), Payload: body[id:]}, nil
}

func checksum(data []byte) uint32 {
	return crc32.Checksum(data[8:], crc32.MakeTable(crc32.Castagnoli))
}
