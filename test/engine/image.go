package engine

import (
	"archive/tar"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Image is a base image with a local one to stand in for it.
type Image struct {
	Name    string
	Changes []string // Dockerfile instructions for docker import --change

	// fill writes the stand-in's root file system.
	fill func(t testing.TB, root archive) error
}

// pullTimeout bounds the attempt to get a real base image.
const pullTimeout = 3 * time.Minute

// Provide sees to it that an image is there: it stays if it is, is pulled if
// it can be, and is stood in for otherwise. It reports which by whether it is
// real. A stand-in is removed when the test ends: nobody should take it for
// the real one later.
func (e *Engine) Provide(image Image) (real bool) {
	e.t.Helper()
	label, err := e.run(e.t.Context(), nil, "docker", "image", "inspect", "--format", `{{index .Config.Labels "`+standInLabel+`"}}`, image.Name)
	if err == nil {
		return label == ""
	}
	ctx, cancel := context.WithTimeout(e.t.Context(), pullTimeout)
	defer cancel()
	_, unavailable := e.run(ctx, nil, "docker", "pull", "--quiet", image.Name)
	if unavailable == nil {
		return true
	}
	if err := e.standIn(image); err != nil {
		e.t.Fatalf("image %s can't be pulled and not be stood in for either:\n%v\n%v", image.Name, unavailable, err)
	}
	e.t.Logf("image %s can't be pulled; a local one stands in for it: %v", image.Name, unavailable)
	e.t.Cleanup(func() {
		if _, err := e.run(context.Background(), nil, "docker", "image", "rm", "--force", image.Name); err != nil {
			e.t.Errorf("remove the stand-in of %s: %v", image.Name, err)
		}
	})
	return false
}

const standInLabel = "headstart.stand-in"

func (e *Engine) standIn(image Image) error {
	file, err := os.Create(filepath.Join(e.t.TempDir(), "root.tar"))
	if err != nil {
		return err
	}
	defer file.Close()
	root := archive{tar.NewWriter(file)}
	if err := errors.Join(image.fill(e.t, root), root.Close()); err != nil {
		return err
	}
	args := []string{"import", "--change", "LABEL " + standInLabel + "=true"}
	for _, c := range image.Changes {
		args = append(args, "--change", c)
	}
	_, err = e.run(e.t.Context(), nil, "docker", append(args, file.Name(), image.Name)...)
	return err
}
