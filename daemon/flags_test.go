package daemon_test

import (
	"io"
	"slices"
	"testing"

	"headstart/daemon"
)

func TestFlagThatIsGivenSeveralTimes(t *testing.T) {
	for name, test := range map[string]struct {
		environment string
		args, want  []string
	}{
		"never":              {"", nil, []string{"x"}},
		"once":               {"", []string{"--dir", "a"}, []string{"a"}},
		"several times":      {"", []string{"--dir", "a", "--dir=b"}, []string{"a", "b"}},
		"several at once":    {"", []string{"--dir", "a, b,", "--dir", "c"}, []string{"a", "b", "c"}},
		"in the environment": {"a,b", nil, []string{"a", "b"}},
		"the command line wins over the environment":   {"a,b", []string{"--dir", "c", "--dir", "d"}, []string{"c", "d"}},
		"what holds nothing takes the default's place": {"", []string{"--dir", ""}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("HEADSTART_DIR", test.environment)
			got := []string{"x"}
			f := daemon.NewFlags("test", "")
			f.EachVar(&got, "dir", "`directories`")
			if err := f.Parse(test.args, io.Discard); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
