// Command picture runs a program at a terminal and writes what it printed, and
// when, as an SVG that plays it. It is how the picture of README.md is made:
//
//	make build
//	go run ./test/picture -o docs/demo.svg -title 'headstart demo' bin/headstart demo
package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/creack/pty"

	"headstart/daemon"
)

func main() {
	output := flag.String("o", "", "`file` to write; standard output if empty")
	title := flag.String("title", "", "the command `line` that is shown above what it prints")
	var p picture
	flag.IntVar(&p.columns, "columns", 100, "`width` of the terminal")
	flag.IntVar(&p.rows, "rows", 38, "`height` of the picture")
	flag.Float64Var(&p.speed, "speed", 2, "`times` as fast as it was")
	flag.Parse()
	os.Exit(daemon.Main(func(ctx context.Context) error {
		if flag.NArg() == 0 || p.columns < 1 || p.rows < 1 || p.speed <= 0 {
			return daemon.Usage("want a command to run, and columns, rows and a speed of more than zero")
		}
		s := newScreen()
		if *title != "" {
			s.write([]byte("\x1b[36m$ "+*title+"\x1b[0m\n"), 0)
		}
		if err := record(ctx, s, p, flag.Args()); err != nil {
			return err
		}
		svg := p.svg(s.lines)
		if *output == "" {
			_, err := os.Stdout.Write(svg)
			return err
		}
		return os.WriteFile(*output, svg, 0o644)
	}))
}

// record runs a command at a terminal of its own until it ends.
func record(ctx context.Context, s *screen, p picture, args []string) error {
	c := exec.CommandContext(ctx, args[0], args[1:]...)
	c.Env = append(os.Environ(), "TERM=xterm-256color", "NO_COLOR=")
	began := time.Now()
	terminal, err := pty.StartWithSize(c, &pty.Winsize{Rows: uint16(p.rows), Cols: uint16(p.columns)})
	if err != nil {
		return err
	}
	defer terminal.Close()
	buffer := make([]byte, 1<<16)
	for {
		n, err := terminal.Read(buffer)
		s.write(buffer[:n], time.Since(began))
		if errors.Is(err, io.EOF) || errors.Is(err, syscall.EIO) { // nobody has the terminal open any more
			return c.Wait()
		}
		if err != nil {
			return errors.Join(err, c.Wait())
		}
	}
}
