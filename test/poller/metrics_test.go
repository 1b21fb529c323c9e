package poller_test

import (
	"bufio"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"headstart/test/process"
)

// program is the poller's.
const program = "headstart/cmd/poller"

// poller is a poller's process and where it shows its metrics.
type poller struct {
	*process.Process
	t       testing.TB
	metrics string
}

// start starts a poller of the host web-01 that is as quick as it may be.
func start(t testing.TB, url string, args ...string) *poller {
	t.Helper()
	listen := process.FreeAddress(t, "127.0.0.1")
	args = append([]string{"--server", url, "--host", "web-01", "--interval", "100ms", "--listen", listen}, args...)
	return &poller{process.Start(t, process.Spec{Path: process.Build(t, program)[program], Args: args}), t, "http://" + listen + "/metrics"}
}

// metric returns a metric's value, 0 while the poller does not answer.
func (p *poller) metric(name string) int {
	p.t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(p.metrics)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			n, err := strconv.Atoi(value)
			if err != nil {
				p.t.Fatalf("metric %s: %v", name, err)
			}
			return n
		}
	}
	return 0
}

func (p *poller) awaitMetric(name string, least int) {
	p.t.Helper()
	await(p.t, fmt.Sprintf("%s is at least %d", name, least), func() bool { return p.metric(name) >= least })
}
