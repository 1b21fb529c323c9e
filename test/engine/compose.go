package engine

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Compose is a project of containers as a compose file describes it.
type Compose struct {
	engine  *Engine
	command []string // docker compose, or docker-compose
	dir     string
	env     []string
}

// Compose makes a project of the compose.yaml in a directory, with a name of
// its own and variables ("NAME=value") for the file. Its containers, networks
// and volumes are removed when the test ends, and their logs shown if it
// failed.
func (e *Engine) Compose(dir string, env ...string) *Compose {
	e.t.Helper()
	c := &Compose{engine: e, dir: dir, env: env}
	project := fmt.Sprintf("headstart-test-%d", os.Getpid())
	// Version 2 is a plugin of the docker command, version 1 a program.
	if _, err := e.run(e.t.Context(), nil, "docker", "compose", "version"); err == nil {
		c.command = []string{"docker", "compose"}
	} else if _, err := exec.LookPath("docker-compose"); err == nil {
		c.command = []string{"docker-compose"}
	} else {
		e.t.Fatal("neither `docker compose` nor docker-compose is there: apt-get install docker-compose")
	}
	c.command = append(c.command, "--project-name", project)
	e.t.Cleanup(c.remove)
	return c
}

// Run runs a compose command, for instance "up", "--detach", "--build", and
// returns its standard output without surrounding space.
func (c *Compose) Run(args ...string) string {
	c.engine.t.Helper()
	out, err := c.run(c.engine.t.Context(), args...)
	if err != nil {
		c.engine.t.Fatal(err)
	}
	return out
}

func (c *Compose) run(ctx context.Context, args ...string) (string, error) {
	args = append(c.command[1:len(c.command):len(c.command)], args...)
	cmd := exec.CommandContext(ctx, c.command[0], args...)
	cmd.Dir = c.dir
	cmd.Env = append(c.engine.environ(), c.env...)
	return output(cmd, nil)
}

const removeTimeout = 2 * time.Minute

func (c *Compose) remove() {
	ctx, cancel := context.WithTimeout(context.Background(), removeTimeout)
	defer cancel()
	if c.engine.t.Failed() {
		logs, err := c.run(ctx, "logs", "--no-color", "--tail", "200")
		c.engine.t.Logf("the containers wrote (%v):\n%s", err, strings.TrimSpace(logs))
	}
	if _, err := c.run(ctx, "down", "--volumes", "--remove-orphans", "--timeout", "20"); err != nil {
		c.engine.t.Errorf("remove the containers: %v", err)
	}
}
