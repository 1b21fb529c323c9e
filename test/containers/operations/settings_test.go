package operations_test

import (
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"headstart/test/containers/manual"
	"headstart/test/process"
)

// shownFlag is a flag in a program's help: its name, what it is for on the next
// line, and its variable.
var shownFlag = regexp.MustCompile(`(?m)^  (--[a-z-]+).*\n.*\[\$([A-Z_]+)\]$`)

// knownVariables returns the environment variables that each service knows, by
// its own help, with their flags. A variable that none knows is overlooked in
// silence.
func knownVariables(t *testing.T) map[string]map[string]string {
	t.Helper()
	paths := process.Build(t, pollerProgram, trackerProgram, correlatorProgram, notifierProgram)
	known := map[string]map[string]string{}
	for service, program := range programs {
		help, err := exec.CommandContext(t.Context(), paths[program], "--help").Output()
		if err != nil {
			t.Fatal(err)
		}
		known[service] = map[string]string{"GOMEMLIMIT": "the Go runtime's"}
		for _, match := range shownFlag.FindAllSubmatch(help, -1) {
			known[service][string(match[2])] = string(match[1])
		}
	}
	return known
}

var substitution = regexp.MustCompile(`\$\{([A-Z_]+)(?::-([^}]*))?`)

func TestComposeVariablesAreListed(t *testing.T) {
	used := map[string]string{} // defaults
	for _, match := range substitution.FindAllStringSubmatch(readFile(t, filepath.Join(manual.Root(t), "compose.yaml")), -1) {
		used[match[1]] = match[2]
	}
	listed := map[string]string{}
	for _, row := range manual.Table(t, "Docker Compose", "variable, also in `.env`") {
		for variable := range strings.SplitSeq(row[0], ", ") {
			listed[manual.Code(variable)] = manual.Code(row[2])
		}
	}
	if !maps.Equal(used, listed) {
		t.Errorf("compose.yaml has %v, docs/operations.md lists %v", used, listed)
	}
}

func TestEverySettingIsKnown(t *testing.T) {
	known := knownVariables(t)
	check := func(t *testing.T, service, variable string) {
		t.Helper()
		if known[service][variable] == "" {
			t.Errorf("%s doesn't know %s", service, variable)
		}
	}
	root := manual.Root(t)
	t.Run("docs/operations.md", func(t *testing.T) {
		for _, row := range manual.Table(t, "NATS", "flag") {
			flags, variables := strings.Split(row[0], ", "), strings.Split(row[1], ", ")
			for i, variable := range variables {
				for service := range programs {
					if got, want := known[service][manual.Code(variable)], manual.Code(flags[i]); got != want {
						t.Errorf("%s: the flag of %s is %q, want %s", service, variable, got, want)
					}
				}
			}
		}
	})
	t.Run("compose.yaml", func(t *testing.T) {
		var file struct {
			Services map[string]struct{ Environment map[string]any }
		}
		if err := yaml.Unmarshal([]byte(readFile(t, filepath.Join(root, "compose.yaml"))), &file); err != nil {
			t.Fatal(err)
		}
		// The notifier's configuration names variables of its own.
		receivers := readFile(t, filepath.Join(root, "deploy/compose/notifier.yaml"))
		for service := range programs {
			if len(file.Services[service].Environment) == 0 {
				t.Errorf("%s has no environment", service)
			}
			for variable := range file.Services[service].Environment {
				if service != "notifier" || !strings.Contains(receivers, "_env: "+variable) {
					check(t, service, variable)
				}
			}
		}
	})
	t.Run("deploy/kubernetes", func(t *testing.T) {
		for _, w := range readManifests(t) {
			for _, c := range w.pods.Spec.Containers {
				for _, e := range c.Env {
					used := false
					for _, other := range c.Env {
						used = used || strings.Contains(other.Value, "$("+e.Name+")")
					}
					if !used && w.name != "nats" {
						check(t, w.name, e.Name)
					}
				}
			}
		}
	})
	t.Run("deploy/systemd", func(t *testing.T) {
		assignment := regexp.MustCompile(`(?m)^(?:#|Environment=)?([A-Z_]+)=`)
		for _, name := range []string{"poller.env", "headstart-poller.service", "nkey.conf"} {
			found := assignment.FindAllStringSubmatch(readFile(t, filepath.Join(root, "deploy/systemd", name)), -1)
			if len(found) == 0 {
				t.Errorf("%s sets nothing", name)
			}
			for _, match := range found {
				check(t, "poller", match[1])
			}
		}
	})
}
