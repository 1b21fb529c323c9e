package poller

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"headstart/daemon"
)

func options(t *testing.T, args ...string) Options {
	t.Helper()
	var o Options
	f := daemon.NewFlags("poller", "")
	o.Flags(f)
	if err := f.Parse(args, io.Discard); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestCheckReportsEveryMistake(t *testing.T) {
	long := strings.Repeat("x", 256)
	for _, tt := range []struct {
		name string
		args []string
		want []string
	}{
		{"all at once", []string{
			"--host", long, "--roles", "web," + long, "--interval", "1ms", "--fastest", "0s", "--buffer", "1000",
		}, []string{
			"--host: 256 bytes, more than 255", "--roles: a role of 256 bytes, more than 255", "--interval 1ms: must be 100ms to 24h",
			"--fastest 0s: must be more than 0", "--buffer 1000: must be at least 64KiB",
		}},
		{"an interval of days", []string{"--interval", "25h"}, []string{"--interval 25h0m0s: must be 100ms to 24h"}},
		{"too many roles", []string{"--roles", strings.Repeat("web,", 65)}, []string{"--roles: 65 roles, more than 64"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := options(t, tt.args...)
			err := o.Check()
			var usage *daemon.UsageError
			if !errors.As(err, &usage) {
				t.Fatalf("got %v, want a usage error", err)
			}
			if got, want := err.Error(), strings.Join(tt.want, "\n"); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestCheckDefaultsToTheHostName(t *testing.T) {
	o := options(t)
	if err := o.Check(); err != nil {
		t.Fatal(err)
	}
	want, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	if o.Host != want {
		t.Errorf("host is %q, want %q", o.Host, want)
	}
}
