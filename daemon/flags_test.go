package daemon_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"headstart/daemon"
)

// settings are one flag of each kind.
type settings struct {
	dirs     []string
	bytes    int64
	interval time.Duration
	once     bool
	password daemon.Secret
	logging  daemon.LogOptions
}

func (s *settings) flags() *daemon.Flags {
	s.dirs = []string{"x"}
	f := daemon.NewFlags("prober", "prober probes.")
	f.ListVar(&s.dirs, "dir", "`directories`")
	f.BytesVar(&s.bytes, "buffer", 64<<20, "`bytes` in memory")
	f.DurationVar(&s.interval, "interval", 30*time.Second, "`time` between probes")
	f.BoolVar(&s.once, "once", false, "probe once")
	f.SecretVar(&s.password, "password", "the `password`")
	f.EnvName("password", "PROBER_PASSWORD")
	s.logging.Flags(f)
	return f
}

func TestListFlag(t *testing.T) {
	for name, test := range map[string]struct {
		environment string
		args, want  []string
	}{
		"not given":            {"", nil, []string{"x"}},
		"once":                 {"", []string{"--dir", "a"}, []string{"a"}},
		"repeated":             {"", []string{"--dir", "a", "--dir=b"}, []string{"a", "b"}},
		"repeated with commas": {"", []string{"--dir", "a, b,", "--dir", "c"}, []string{"a", "b", "c"}},
		"in the environment":   {"a,b", nil, []string{"a", "b"}},
		"the command line wins over the environment": {"a,b", []string{"--dir", "c", "--dir", "d"}, []string{"c", "d"}},
		"an empty value replaces the default":        {"", []string{"--dir", ""}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("HEADSTART_DIR", test.environment)
			var s settings
			if err := s.flags().Parse(test.args, io.Discard); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(s.dirs, test.want) {
				t.Errorf("got %q, want %q", s.dirs, test.want)
			}
		})
	}
}

func TestBytesFlag(t *testing.T) {
	for value, want := range map[string]int64{
		"0": 0, "1048576": 1 << 20, "7B": 7, "64MiB": 64 << 20, "2GB": 2e9, "3KiB": 3 << 10, "1TiB": 1 << 40,
		"": -1, "-1": -1, "1.5MiB": -1, "MiB": -1, "1 MiB": -1, "1PiB": -1, "9223372036854775807": -1, "4611687TB": -1,
	} {
		t.Run(value, func(t *testing.T) {
			var s settings
			err := s.flags().Parse([]string{"--buffer=" + value}, io.Discard)
			switch {
			case want >= 0 && (err != nil || s.bytes != want):
				t.Errorf("got %d, %v; want %d", s.bytes, err, want)
			case want < 0 && (err == nil || !strings.Contains(err.Error(), "want a number of bytes such as")):
				t.Errorf("got %d, %v; want an error with examples", s.bytes, err)
			}
		})
	}
}

func TestEnvironmentIsTheDefault(t *testing.T) {
	t.Setenv("HEADSTART_INTERVAL", "5s")
	t.Setenv("HEADSTART_ONCE", "true")
	t.Setenv("HEADSTART_BUFFER", "")
	t.Setenv("PROBER_PASSWORD", "hunter2")
	var s settings
	if err := s.flags().Parse([]string{"--interval", "7s"}, io.Discard); err != nil {
		t.Fatal(err)
	}
	if s.interval != 7*time.Second || !s.once || s.bytes != 64<<20 || s.password.Reveal() != "hunter2" {
		t.Errorf("got %+v", s)
	}
}

func TestEveryMistakeIsReportedAtOnce(t *testing.T) {
	t.Setenv("HEADSTART_BUFFER", "much")
	var s settings
	err := s.flags().Parse([]string{"--intervl", "3s", "--paswrd=hunter2", "--interval", "often", "--colour", "blue", "--log-format", "xml", "now"}, io.Discard)
	var usage *daemon.UsageError
	if !errors.As(err, &usage) {
		t.Fatalf("got %v, want a usage error", err)
	}
	want := `unknown flag --intervl; did you mean --interval?
unknown flag --paswrd; did you mean --password?
invalid value "often" for flag --interval: parse error
unknown flag --colour
invalid value "xml" for flag --log-format: want text or json
environment variable HEADSTART_BUFFER: want a number of bytes such as 1048576, 64MiB or 2GB
unexpected argument "now"
run 'prober --help' for the flags`
	if err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestHelpShowsDefaultsAndVariables(t *testing.T) {
	for _, flag := range []string{"-h", "--help"} {
		var s settings
		var out bytes.Buffer
		if err := s.flags().Parse([]string{"--once", flag}, &out); !errors.Is(err, daemon.ErrHelp) {
			t.Errorf("%s: got %v, want ErrHelp", flag, err)
		}
		for _, want := range []string{
			"prober probes.\n", "  prober [flags]\n",
			"  --buffer bytes\n        bytes in memory (default 64MiB) [$HEADSTART_BUFFER]\n",
			"  --interval time\n        time between probes (default 30s) [$HEADSTART_INTERVAL]\n",
			"the password [$PROBER_PASSWORD]\n", "[$HEADSTART_LOG_FORMAT]\n",
		} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s: no %q in\n%s", flag, want, out.String())
			}
		}
	}
}

func TestFlagsOfACommand(t *testing.T) {
	t.Setenv("HEADSTART_INTERVAL", "5s")
	t.Setenv("HEADSTART_BUFFER", "1MiB")
	var s settings
	f, command := s.flags(), pflag.NewFlagSet("command", pflag.ContinueOnError)
	command.AddGoFlagSet(f.Documented())
	if err := command.Parse([]string{"--interval", "7s", "--dir", "a", "--dir", "b"}); err != nil {
		t.Fatal(err)
	}
	if err := f.ApplyEnv(command.Changed); err != nil {
		t.Fatal(err)
	}
	if s.interval != 7*time.Second || s.bytes != 1<<20 || !slices.Equal(s.dirs, []string{"a", "b"}) {
		t.Errorf("got %+v", s)
	}
	if usage := command.Lookup("interval").Usage; !strings.Contains(usage, "[$HEADSTART_INTERVAL]") {
		t.Errorf("no variable in the help %q", usage)
	}
	t.Setenv("HEADSTART_BUFFER", "much")
	var usage *daemon.UsageError
	if err := f.ApplyEnv(command.Changed); !errors.As(err, &usage) {
		t.Errorf("got %v, want a usage error", err)
	}
}
