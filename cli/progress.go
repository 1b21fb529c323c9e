package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	xterm "golang.org/x/term"

	"headstart/term"
)

// progress shows on a terminal how far long work is; elsewhere it shows
// nothing.
type progress struct {
	out    io.Writer // nil where nobody looks
	began  time.Time
	stage  string
	shown  time.Time
	column int
}

func newProgress(out io.Writer) *progress {
	p := new(progress)
	if f, ok := out.(*os.File); ok && xterm.IsTerminal(int(f.Fd())) {
		p.out = out
	}
	return p
}

const (
	progressEvery = 100 * time.Millisecond
	progressWidth = 30
)

func (p *progress) show(stage string, done, total int64) {
	now := time.Now()
	if p.out == nil || total <= 0 || stage == p.stage && now.Sub(p.shown) < progressEvery {
		return
	}
	if stage != p.stage {
		p.stage, p.began = stage, now
	}
	p.shown = now
	part := min(1, float64(done)/float64(total))
	filled := int(part * progressWidth)
	line := fmt.Sprintf("%-9s [%s%s] %3.0f %%", stage, strings.Repeat("=", filled), strings.Repeat(" ", progressWidth-filled), 100*part)
	if elapsed := now.Sub(p.began); part > 0.02 && elapsed > time.Second {
		line += fmt.Sprintf("  %s left", term.Duration(time.Duration(float64(elapsed)*(1-part)/part)))
	}
	fmt.Fprintf(p.out, "\r%-*s", p.column, line)
	p.column = len(line)
}

// done clears the line.
func (p *progress) done() {
	if p.out != nil && p.column > 0 {
		fmt.Fprintf(p.out, "\r%*s\r", p.column, "")
		p.column = 0
	}
}
