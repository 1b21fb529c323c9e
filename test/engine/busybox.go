package engine

import (
	"debug/elf"
	"errors"
	"fmt"
	"os/exec"
	"path"
	"strings"
	"testing"
)

// caCertificates is where Debian, Alpine and their children have the
// certificates of the authorities to trust.
const caCertificates = "etc/ssl/certs/ca-certificates.crt"

// busybox writes a small Linux system: a shell and the usual commands, users,
// certificates.
func busybox(t testing.TB, root archive) error {
	program, err := exec.LookPath("busybox")
	if err != nil {
		return fmt.Errorf("%w (apt-get install busybox-static)", err)
	}
	if err := checkStatic(program); err != nil {
		return err
	}
	applets, err := output(exec.CommandContext(t.Context(), program, "--list"), nil)
	if err != nil {
		return err
	}
	problems := []error{
		root.dir("bin", ordinary),
		root.dir("tmp", anyones),
		root.dir("var/tmp", anyones),
		root.dir("root", ordinary),
		root.dir("usr/bin", ordinary),
		root.dir("usr/local/bin", ordinary),
		root.text("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n", 0o644),
		root.text("etc/group", "root:x:0:\n", 0o644),
		root.file(caCertificates, "/"+caCertificates),
		root.file("bin/busybox", program),
		root.link("usr/bin/env", "/bin/busybox"),
	}
	for applet := range strings.FieldsSeq(applets) {
		if applet != "busybox" {
			problems = append(problems, root.link(path.Join("bin", applet), "busybox"))
		}
	}
	return errors.Join(problems...)
}

// checkStatic reports a program that needs libraries, which an image made of
// it alone hasn't.
func checkStatic(program string) error {
	file, err := elf.Open(program)
	if err != nil {
		return fmt.Errorf("%s: %w", program, err)
	}
	defer file.Close()
	for _, segment := range file.Progs {
		if segment.Type == elf.PT_INTERP {
			return fmt.Errorf("%s is linked dynamically (apt-get install busybox-static)", program)
		}
	}
	return nil
}
