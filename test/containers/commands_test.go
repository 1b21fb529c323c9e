package containers_test

import (
	"os/exec"
	"strings"
	"testing"

	"headstart/test/containers/manual"
)

// commands are those of the document's section on Docker Compose.
type commands struct {
	t    *testing.T
	s    *stack
	left []string
}

func newCommands(t *testing.T, s *stack) *commands {
	t.Helper()
	return &commands{t: t, s: s, left: manual.Commands(t, "Docker Compose", "sh")}
}

// run runs the first command left that has a part, on the test's project, and
// returns its output.
func (c *commands) run(part string) string {
	c.t.Helper()
	for i, command := range c.left {
		if !strings.Contains(command, part) {
			continue
		}
		c.left = append(c.left[:i], c.left[i+1:]...)
		c.t.Log("$", command)
		return c.execute(command)
	}
	c.t.Fatalf("docs/operations.md has no command left with %q", part)
	return ""
}

func (c *commands) execute(command string) string {
	c.t.Helper()
	words := strings.Fields(command)
	for strings.Contains(words[0], "=") { // the test has variables of its own
		words = words[1:]
	}
	for i := range words {
		words[i] = strings.ReplaceAll(strings.Trim(words[i], `'"`), "127.0.0.1:9470", c.s.poller)
	}
	if words[0] == "docker" && words[1] == "compose" {
		return c.s.compose.Run(words[2:]...)
	}
	out, err := exec.CommandContext(c.t.Context(), words[0], words[1:]...).CombinedOutput()
	if err != nil {
		c.t.Fatalf("%s: %v\n%s", strings.Join(words, " "), err, out)
	}
	return string(out)
}

func (c *commands) checkAllRun() {
	c.t.Helper()
	for _, command := range c.left {
		c.t.Errorf("docs/operations.md gives a command that no test runs: %s", command)
	}
}
