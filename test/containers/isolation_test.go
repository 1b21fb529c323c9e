package containers_test

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// checkImage checks that an image holds the program and nothing else to run.
func (s *stack) checkImage(service string) {
	s.t.Helper()
	image := s.inspect(service, "{{.Image}}")
	size, err := strconv.Atoi(s.engine.Docker("image", "inspect", "--format", "{{.Size}}", image))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Logf("image of %s: %.1f MB", service, float64(size)/1e6)
	if user := s.engine.Docker("image", "inspect", "--format", "{{.Config.User}}", image); user != "65532:65532" {
		s.t.Errorf("image of %s: user %q", service, user)
	}
	file := filepath.Join(s.t.TempDir(), service+".tar")
	s.engine.Docker("export", "--output", file, s.container(service))
	// Docker's own placeholders and those for mounts are empty.
	want := []string{"etc/ssl/certs/ca-certificates.crt", service}
	slices.Sort(want)
	if got := filesIn(s, file); !slices.Equal(got, want) {
		s.t.Errorf("image of %s holds the files %q, want %q", service, got, want)
	}
}

// filesIn returns the files of an archive that hold anything.
func filesIn(s *stack, archive string) (names []string) {
	s.t.Helper()
	file, err := os.Open(archive)
	if err != nil {
		s.t.Fatal(err)
	}
	defer file.Close()
	for r := tar.NewReader(file); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			slices.Sort(names)
			return names
		}
		if err != nil {
			s.t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg && h.Size > 0 {
			names = append(names, h.Name)
		}
	}
}

// checkIsolation reads from the kernel what a service's process may do.
func (s *stack) checkIsolation(service string) {
	s.t.Helper()
	status := map[string]string{}
	for line := range strings.Lines(s.procFile(service, "status")) {
		key, value, _ := strings.Cut(line, ":")
		status[key] = strings.Join(strings.Fields(value), " ")
	}
	for key, want := range map[string]string{
		"Uid": "65532 65532 65532 65532", "Gid": "65532 65532 65532 65532",
		"CapEff": "0000000000000000", "CapBnd": "0000000000000000",
		"NoNewPrivs": "1", "Seccomp": "2", // 2: by a filter
	} {
		if status[key] != want {
			s.t.Errorf("%s: %s is %q, want %q", service, key, status[key], want)
		}
	}
	// proc(5), mountinfo: the fifth field is the mount point, the sixth its
	// options.
	for line := range strings.Lines(s.procFile(service, "mountinfo")) {
		fields := strings.Fields(line)
		if fields[4] == "/" && !slices.Contains(strings.Split(fields[5], ","), "ro") {
			s.t.Errorf("%s: / is mounted %s, want read-only", service, fields[5])
		}
	}
}
