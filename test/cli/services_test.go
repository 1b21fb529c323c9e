package cli_test

import (
	"strings"
	"testing"

	"headstart/test/cli"
	"headstart/test/process"
)

func TestServicesHaveTheSameFlags(t *testing.T) {
	for _, service := range []string{"poller", "tracker", "correlator", "notifier"} {
		t.Run(service, func(t *testing.T) {
			importPath := "headstart/cmd/" + service
			path := process.Build(t, importPath)[importPath]
			help, _, code := cli.Run(t, cli.Spec{Path: path, Args: []string{"--help"}})
			if code != 0 {
				t.Errorf("--help: exit code %d, want 0", code)
			}
			for _, want := range []string{"--server", "--creds", "--tlsca", "--listen", "--log-format", "NATS_URL", "HEADSTART_LISTEN"} {
				if !strings.Contains(help, want) {
					t.Errorf("no %s in the help", want)
				}
			}
			_, stderr, code := cli.Run(t, cli.Spec{Path: path, Args: []string{"--sever", "x", "--log-format", "xml"}})
			if code != 2 || !strings.Contains(stderr, "did you mean --server") || !strings.Contains(stderr, "text or json") {
				t.Errorf("exit code %d, want 2 and both mistakes:\n%s", code, stderr)
			}
		})
	}
}
