package procnet

// A column is one of those that every row has, from the left. The kernel
// prints more, which differ between kinds of rows and say nothing of whom the
// connection is with.
type column int

const (
	columnSlot column = iota
	columnLocal
	columnRemote
	columnState
	columnQueues
	columnTimer
	columnRetransmits
	columnUID
	columnTimeout
	columnInode
	columnReferences
	columnCount
)

var columns = [columnCount]struct {
	name string // as kernels name it in the header of one table or another
	want string
}{
	columnSlot:        {"sl", "a decimal number and a colon"},
	columnLocal:       {"local_address", "8 or 32 hexadecimal digits, a colon and 4 more"},
	columnRemote:      {"rem_address", "hexadecimal digits as in local_address, a colon and 4 more"},
	columnState:       {"st", "a TCP state, 01 to 0C"},
	columnQueues:      {"tx_queue:rx_queue", "8 hexadecimal digits, a colon and 8 more"},
	columnTimer:       {"tr:tm->when", "a timer, 00 to 04, a colon and 8 to 16 hexadecimal digits"},
	columnRetransmits: {"retrnsmt", "8 hexadecimal digits, at most 000000FF"},
	columnUID:         {"uid", "a decimal number of at most 32 bits"},
	columnTimeout:     {"timeout", "a decimal number"},
	columnInode:       {"inode", "a decimal number of at most 64 bits"},
	columnReferences:  {"ref", "a decimal number"},
}
