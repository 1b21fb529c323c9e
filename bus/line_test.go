package bus_test

import (
	"errors"
	"net"
	"strings"
	"sync"
)

// line is the network between one bus and its server. A test can cut it after
// a number of bytes, for good or so that the bus connects again.
type line struct {
	address string

	mu    sync.Mutex
	left  int // bytes that the bus may still send
	again func() int
	conns map[net.Conn]struct{}
	dead  bool
}

// newLine returns a line that is cut after a number of bytes. again returns that
// number for each next connection; without it there is none.
func newLine(url string, bytes int, again func() int) *line {
	return &line{address: strings.TrimPrefix(url, "nats://"), left: bytes, again: again, conns: map[net.Conn]struct{}{}}
}

var errDead = errors.New("the line is dead")

// InProcessConn is how a bus is given a connection that is not of its making.
func (l *line) InProcessConn() (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead {
		return nil, errDead
	}
	conn, err := net.Dial("tcp", l.address)
	if err != nil {
		return nil, err
	}
	l.conns[conn] = struct{}{}
	return &cable{Conn: conn, line: l}, nil
}

// cut ends the line for good.
func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dead = true
	l.hangUp()
}

func (l *line) hangUp() {
	for conn := range l.conns {
		conn.Close()
	}
	clear(l.conns)
}

func (l *line) isDead() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dead
}

// exhausted reports whether the bus can't send any more.
func (l *line) exhausted() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dead || l.left == 0
}

type cable struct {
	net.Conn
	line *line
}

func (c *cable) Write(p []byte) (int, error) {
	l := c.line
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead {
		return 0, errDead
	}
	if len(p) <= l.left {
		l.left -= len(p)
		return c.Conn.Write(p)
	}
	n, _ := c.Conn.Write(p[:l.left])
	l.hangUp()
	if l.again == nil {
		l.dead = true
	} else {
		l.left = l.again()
	}
	return n, errDead
}
