package cmdutil

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	xterm "golang.org/x/term"

	"headstart/term"
)

// Progress shows the progress of long work on a terminal, and nothing
// elsewhere.
type Progress struct {
	out    io.Writer // nil if it is no terminal
	began  time.Time
	stage  string
	shown  time.Time
	column int
}

// NewProgress returns a progress bar on out.
func NewProgress(out io.Writer) *Progress {
	p := new(Progress)
	if f, ok := out.(*os.File); ok && xterm.IsTerminal(int(f.Fd())) {
		p.out = out
	}
	return p
}

const (
	progressInterval = 100 * time.Millisecond
	progressWidth    = 30
)

// Show draws how much of a stage is done.
func (p *Progress) Show(stage string, done, total int64) {
	now := time.Now()
	if p.out == nil || total <= 0 || stage == p.stage && now.Sub(p.shown) < progressInterval {
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

// Done clears the line.
func (p *Progress) Done() {
	if p.out != nil && p.column > 0 {
		fmt.Fprintf(p.out, "\r%*s\r", p.column, "")
		p.column = 0
	}
}
