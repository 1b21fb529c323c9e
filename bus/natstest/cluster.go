package natstest

import (
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Cluster is servers that hold streams together.
type Cluster []*Server

// StartCluster starts n servers, and returns when they have agreed on a leader.
func StartCluster(t testing.TB, n int) Cluster {
	t.Helper()
	var routes []*url.URL
	c := make(Cluster, n)
	for i := range c {
		c[i] = prepare(t, nil)
		port := freePort(t)
		c[i].options.ServerName = fmt.Sprintf("n%d", i+1)
		c[i].options.Cluster = server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: port}
		routes = append(routes, &url.URL{Scheme: "nats", Host: fmt.Sprintf("127.0.0.1:%d", port)})
	}
	for _, s := range c {
		s.options.Routes = routes
		s.start(t)
	}
	c.WaitReady(t)
	return c
}

// URL lists all servers.
func (c Cluster) URL() string {
	var all []string
	for _, s := range c {
		all = append(all, s.URL)
	}
	return strings.Join(all, ",")
}

// WaitReady returns when every server that runs has a leader and all that it
// missed.
func (c Cluster) WaitReady(t testing.TB) {
	t.Helper()
	end := time.NewTimer(deadline)
	defer end.Stop()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for !c.ready() {
		select {
		case <-end.C:
			t.Fatalf("the cluster is not ready after %s", deadline)
		case <-look.C:
		}
	}
}

func (c Cluster) ready() bool {
	led := false
	for _, s := range c {
		if !s.running.Running() {
			continue
		}
		if !s.running.ReadyForConnections(time.Second) || !s.running.JetStreamIsCurrent() {
			return false
		}
		led = led || s.running.JetStreamIsLeader()
	}
	return led
}

// Leader returns the server that leads a stream of the default account.
func (c Cluster) Leader(t testing.TB, stream string) *Server {
	t.Helper()
	for _, s := range c {
		if s.running.JetStreamIsStreamLeader(server.DEFAULT_GLOBAL_ACCOUNT, stream) {
			return s
		}
	}
	t.Fatalf("stream %s has no leader", stream)
	return nil
}

// freePort returns a port that was free a moment ago: the servers have to know
// each other's before any has started.
func freePort(t testing.TB) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("find a free port: %v", err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}
