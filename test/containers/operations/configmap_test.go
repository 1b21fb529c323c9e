package operations_test

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"headstart/bus/natstest"
	"headstart/test/process"
)

// kubelet keeps a volume as Kubernetes' AtomicWriter does: each version in a
// directory of its own, ..data points to the active one, and the files that
// programs see point into ..data (k8s.io/kubernetes,
// pkg/volume/util/atomic_writer.go).
type kubelet struct {
	dir     string
	version int
}

func (k *kubelet) publish(t *testing.T, files map[string]string) {
	t.Helper()
	k.version++
	version := fmt.Sprintf("..version_%d", k.version)
	if err := os.Mkdir(filepath.Join(k.dir, version), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		writeFile(t, filepath.Join(k.dir, version, name), text)
	}
	link(t, version, filepath.Join(k.dir, "..data_tmp"))
	if err := os.Rename(filepath.Join(k.dir, "..data_tmp"), filepath.Join(k.dir, "..data")); err != nil {
		t.Fatal(err)
	}
	for name := range files {
		if _, err := os.Lstat(filepath.Join(k.dir, name)); err != nil {
			link(t, filepath.Join("..data", name), filepath.Join(k.dir, name))
		}
	}
	if k.version > 1 {
		if err := os.RemoveAll(filepath.Join(k.dir, fmt.Sprintf("..version_%d", k.version-1))); err != nil {
			t.Fatal(err)
		}
	}
}

func link(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil {
		t.Fatal(err)
	}
}

func TestRulesInAConfigMapAreFollowed(t *testing.T) {
	rule := func(id string) string {
		return "rule: " + id + "\ntitle: A rule\nseverity: low\nwhen: conn.port == 445\n"
	}
	volume := &kubelet{dir: t.TempDir()}
	volume.publish(t, map[string]string{"one.yaml": rule("one"), "rules.go": "package rules"})
	listen := process.FreeAddress(t, "127.0.0.1")
	process.Start(t, process.Spec{
		Path:  process.Build(t, correlatorProgram)[correlatorProgram],
		Args:  []string{"--server", natstest.Start(t).URL, "--storage", "64MiB", "--rules", volume.dir, "--listen", listen},
		Ready: process.Answers("http://" + listen + "/readyz"),
	}).WaitReady()
	inForce := func(want float64) func() error {
		return func() error {
			if got := readMetric(t, listen, "headstart_rules"); got != want {
				return fmt.Errorf("%g rules in force, want %g", got, want)
			}
			return nil
		}
	}
	await(t, "the first version", inForce(1))
	volume.publish(t, map[string]string{"one.yaml": rule("one"), "two.yaml": rule("two")})
	await(t, "the second version", inForce(2))
}

func readMetric(t *testing.T, address, name string) float64 {
	t.Helper()
	response, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			value, err := strconv.ParseFloat(text, 64)
			if err != nil {
				t.Fatal(err)
			}
			return value
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}
