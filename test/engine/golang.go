package engine

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Golang is the official image golang:1.26, which the Dockerfile builds with.
// Its stand-in has this machine's Go, and the modules that the modules in the
// given directories need as a file tree for GOPROXY: a build in it asks
// nothing of the network.
func Golang(moduleDirs ...string) Image {
	return Image{
		Name: "golang:1.26",
		Changes: []string{
			"ENV PATH=/go/bin:/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			"ENV GOPATH=/go GOTOOLCHAIN=local GOPROXY=file:///usr/local/share/goproxy",
			"WORKDIR /go",
			`CMD ["sh"]`,
		},
		fill: func(t testing.TB, root archive) error { return goSystem(t, root, moduleDirs) },
	}
}

func goSystem(t testing.TB, root archive, moduleDirs []string) error {
	goroot, err := output(exec.CommandContext(t.Context(), "go", "env", "GOROOT"), nil)
	if err != nil {
		return err
	}
	modules, err := download(t, moduleDirs)
	if err != nil {
		return err
	}
	return errors.Join(
		busybox(t, root),
		root.dir("go", anyones),
		root.tree("usr/local/go", goroot, notForBuilding),
		root.tree("usr/local/share/goproxy", modules, nil),
	)
}

// notForBuilding names what of GOROOT, a third of it, no build reads.
func notForBuilding(below string) bool {
	if strings.HasSuffix(below, "_test.go") || slices.Contains(strings.Split(below, "/"), "testdata") {
		return true
	}
	return slices.Contains([]string{"api", "doc", "misc", "test", ".git"}, below)
}

// download fills a module cache with what the modules need, from the machine's
// own cache where it is there, and returns the part of it that is laid out as
// GOPROXY wants it.
func download(t testing.TB, moduleDirs []string) (string, error) {
	settings, err := output(exec.CommandContext(t.Context(), "go", "env", "GOMODCACHE", "GOPROXY"), nil)
	if err != nil {
		return "", err
	}
	have, proxy, _ := strings.Cut(settings, "\n")
	cache := t.TempDir()
	for _, dir := range moduleDirs {
		cmd := exec.CommandContext(t.Context(), "go", "mod", "download")
		cmd.Dir = dir
		cmd.Env = append(os.Environ(),
			"GOWORK=off",
			"GOFLAGS=-modcacherw",
			"GOMODCACHE="+cache,
			"GOPROXY=file://"+filepath.Join(have, "cache", "download")+","+proxy,
		)
		if _, err := output(cmd, nil); err != nil {
			return "", fmt.Errorf("in %s: %w", dir, err)
		}
	}
	return filepath.Join(cache, "cache", "download"), nil
}
