package engine

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"headstart/test/process"
)

func TestEngine(t *testing.T) {
	e := Start(t)
	within := func(t *testing.T) *Engine { return &Engine{t: t, host: e.host} }
	t.Run("stands in for an image that no registry has", func(t *testing.T) { testStandIn(t, within(t), e) })
	t.Run("runs a compose project built from the base images", func(t *testing.T) { testCompose(t, within(t)) })
}

func testStandIn(t *testing.T, e, after *Engine) {
	image := Image{Name: "registry.invalid/nothing:1", fill: busybox} // RFC 6761: .invalid never resolves
	t.Run("provided", func(t *testing.T) {
		e := &Engine{t: t, host: e.host}
		for range 2 {
			if e.Provide(image) {
				t.Error("an image that no registry has is said to be real")
			}
		}
		receiver := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "reached") }))
		var err error
		if receiver.Listener, err = net.Listen("tcp", netip.AddrPortFrom(e.Gateway(), 0).String()); err != nil {
			t.Fatal(err)
		}
		receiver.Start()
		defer receiver.Close()
		if got := e.Docker("run", "--rm", image.Name, "wget", "-q", "-O-", receiver.URL); got != "reached" {
			t.Errorf("a container got %q from a server of the test", got)
		}
	})
	if got := after.Docker("image", "ls", "--quiet", image.Name); got != "" {
		t.Errorf("the stand-in outlived its test as image %s", got)
	}
}

func testCompose(t *testing.T, e *Engine) {
	const dir = "testdata/project"
	e.Provide(NATS())
	e.Provide(Golang(dir))
	address := process.FreeAddress(t, "127.0.0.1")
	c := e.Compose(dir, "ADDRESS="+address)
	c.Run("up", "--detach", "--build")

	answer := await(t, "http://"+address)
	for _, want := range []string{"uid 65532\n", "io.nats.jetstream.api.v1.account_info_response"} {
		if !strings.Contains(answer, want) {
			t.Errorf("the container doesn't answer with %q: %s", want, answer)
		}
	}
}

// await asks until there is an answer: a container that is up has only been
// started.
func await(t *testing.T, url string) string {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(time.Minute); ; {
		response, err := http.Get(url)
		if err == nil {
			defer response.Body.Close()
			answer, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			return string(answer)
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("no answer: %v", err)
		}
	}
}
