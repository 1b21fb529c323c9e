package process

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// NATSServer is the package of the nats-server program, in the version that
// this module's go.mod names as a tool.
const NATSServer = "github.com/nats-io/nats-server/v2"

// Build builds programs by their import paths and returns where each of them
// is. They are linked statically, as in the product's images. What is up to
// date is not linked again, be it by another test or test binary.
func Build(t testing.TB, packages ...string) map[string]string {
	t.Helper()
	return build(t, "static", []string{"CGO_ENABLED=0"}, packages)
}

// BuildRace is Build with the race detector, which makes a program exit with
// 66 when it ends after a data race.
func BuildRace(t testing.TB, packages ...string) map[string]string {
	t.Helper()
	return build(t, "race", []string{"CGO_ENABLED=1"}, packages, "-race")
}

func build(t testing.TB, kind string, env, packages []string, flags ...string) map[string]string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatalf("find a directory for built programs: %v", err)
	}
	// One directory for each copy of the workspace: two of them building at
	// once must not run each other's programs.
	module, err := exec.CommandContext(t.Context(), "go", "env", "GOMOD").Output()
	if err != nil {
		t.Fatalf("find the test module: %v", err)
	}
	place := strings.ReplaceAll(strings.Trim(path.Dir(string(module)), "/"), "/", "-")
	dir := filepath.Join(cache, "headstart-test", place, kind)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatalf("make a directory for built programs: %v", err)
	}
	defer lock(t, dir)()
	args := append([]string{"build", "-buildvcs=false", "-o", dir + "/"}, flags...)
	cmd := exec.CommandContext(t.Context(), "go", append(args, packages...)...)
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", strings.Join(packages, " "), err, out)
	}
	paths := make(map[string]string, len(packages))
	for _, p := range packages {
		paths[p] = filepath.Join(dir, programName(p))
	}
	return paths
}

var majorVersion = regexp.MustCompile(`^v[0-9]+$`)

// programName is the name that go build gives to the program of a package.
func programName(importPath string) string {
	name := path.Base(importPath)
	if majorVersion.MatchString(name) {
		name = path.Base(path.Dir(importPath))
	}
	return name
}

// lock keeps other test binaries from building into a directory at once.
func lock(t testing.TB, dir string) (unlock func()) {
	t.Helper()
	file, err := os.Open(dir)
	if err != nil {
		t.Fatalf("lock built programs: %v", err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX); err != nil {
		t.Fatalf("lock %s: %v", dir, err)
	}
	return func() { file.Close() }
}
