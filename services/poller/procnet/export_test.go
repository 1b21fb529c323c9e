package procnet

import (
	"encoding/binary"

	"headstart/event"
)

// ParseOrder is [Parse] for a table of a host with the given byte order.
func ParseOrder(rows []event.Socket, table []byte, order binary.ByteOrder) ([]event.Socket, Report) {
	return parse(rows, table, order.Uint16([]byte{1, 0}) == 1)
}
