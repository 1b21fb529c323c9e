package correlator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"headstart/daemon"
	rulepack "headstart/rules.expr"
)

func ruleFile(id, when string) string {
	return "rule: " + id + "\ntitle: T\nseverity: low\nwhen: " + when + "\n"
}

// followed is a directory of rules that are followed. Time is the bubble's: it
// passes at once when the test lets it, and the files are looked at meanwhile.
type followed struct {
	*rules
	t         *testing.T
	dir       string
	log       journal
	telemetry *daemon.Telemetry
}

// journal is a log that can be read while it is written.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(line []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(line)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// follow runs a test in a bubble, on a directory in which the rule one is in
// force.
func follow(t *testing.T, test func(f *followed)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f := &followed{t: t, dir: filepath.Join(dir, "rules"), telemetry: daemon.NewTelemetry()}
		if err := os.Mkdir(f.dir, 0o700); err != nil {
			t.Fatal(err)
		}
		f.write("one.yaml", ruleFile("one", "conn.port == 1"))
		var err error
		f.rules, err = openRules(Options{Rules: []string{f.dir}, Log: slog.New(slog.NewTextHandler(&f.log, nil)), Telemetry: f.telemetry}, nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); f.follow(ctx) }()
		f.seconds(3)
		test(f)
		cancel()
		<-done
	})
}

// seconds lets time pass until all that follows from it has happened.
func (f *followed) seconds(n time.Duration) {
	<-time.After(n * time.Second)
	synctest.Wait()
}

func (f *followed) write(name, text string) {
	f.t.Helper()
	if err := os.WriteFile(filepath.Join(f.dir, name), []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

func (f *followed) do(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// expect checks the ids of the rules in force, and what the metrics say.
func (f *followed) expect(when, ids string, broken bool) {
	f.t.Helper()
	var got []string
	for _, r := range f.current().Rules {
		got = append(got, r.ID)
	}
	if text := strings.Join(got, " "); text != ids {
		f.t.Errorf("%s: in force is %q, want %q", when, text, ids)
	}
	want := "headstart_rules_broken 0"
	if broken {
		want = "headstart_rules_broken 1"
	}
	for _, line := range []string{want, fmt.Sprintf("headstart_rules %d", len(got))} {
		if shown := f.metrics(); !strings.Contains(shown, line+"\n") {
			f.t.Errorf("%s: metrics lack %q:\n%s", when, line, shown)
		}
	}
}

func (f *followed) metrics() string {
	var b bytes.Buffer
	f.telemetry.Metrics.WritePrometheus(&b)
	return b.String()
}

// logged counts the lines of the log that hold a text.
func (f *followed) logged(text string) (n int) {
	for line := range strings.Lines(f.log.String()) {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

func TestChangedRulesAreActiveWithinSeconds(t *testing.T) {
	follow(t, func(f *followed) {
		first := f.current()
		f.seconds(60)
		if f.current() != first || f.logged("rules active") != 1 {
			t.Errorf("files that don't change are put in force again:\n%s", f.log.String())
		}
		f.write("one.yaml", ruleFile("one", "conn.port == 111"))
		f.seconds(2)
		f.expect("after a change", "one", false)
		if f.current().Hash == first.Hash {
			t.Error("the changed rule is not in force")
		}
		f.write("two.yaml", ruleFile("two", "conn.port == 2"))
		f.seconds(2)
		f.expect("after a new file", "one two", false)
		f.do(os.Remove(filepath.Join(f.dir, "one.yaml")))
		f.seconds(2)
		f.expect("after a file is removed", "two", false)
		f.write("lists.yaml", "ports:\n  two: [2]\n")
		f.write("two.yaml", ruleFile("two", "conn.port in ports.two"))
		f.seconds(2)
		f.expect("after a new list", "two", false)
		hash := f.current().Hash
		f.write("lists.yaml", "ports:\n  two: [2, 22]\n")
		f.seconds(2)
		if f.current().Hash == hash {
			t.Error("the changed list is not in force")
		}
	})
}

func TestBrokenRulesChangeNothingAndAreReportedOnce(t *testing.T) {
	follow(t, func(f *followed) {
		first := f.current()
		f.write("two.yaml", ruleFile("two", "conn.prot == 2"))
		f.seconds(60)
		f.expect("while a file is broken", "one", true)
		if f.current() != first {
			t.Error("the rules in force have changed")
		}
		if n := f.logged("can't be used"); n != 1 {
			t.Errorf("logged %d times:\n%s", n, f.log.String())
		}
		if !strings.Contains(f.log.String(), "two.yaml:4") || !strings.Contains(f.log.String(), "prot") {
			t.Errorf("the log doesn't say where:\n%s", f.log.String())
		}
		f.do(os.Chtimes(filepath.Join(f.dir, "two.yaml"), time.Time{}, time.Unix(1e9, 0)))
		f.seconds(60)
		if n := f.logged("can't be used"); n != 1 {
			t.Errorf("saved again as it was, it is logged %d times", n)
		}
		f.write("two.yaml", ruleFile("two", "conn.state == 2"))
		f.seconds(60)
		f.expect("broken in another way", "one", true)
		if n := f.logged("can't be used"); n != 2 || !strings.Contains(f.metrics(), "headstart_rules_load_failures_total 2\n") {
			t.Errorf("two mistakes are logged %d times; %s", n, f.metrics())
		}
		f.write("two.yaml", ruleFile("two", "conn.port == 2"))
		f.seconds(2)
		f.expect("mended", "one two", false)
		f.write("two.yaml", "")
		f.seconds(2)
		f.expect("cut off while it is written", "one two", true)
		f.write("two.yaml", ruleFile("two", "conn.port == 2"))
		f.seconds(2)
		f.expect("written as it was", "one two", false)
		if n := f.logged("rules active"); n != 3 {
			t.Errorf("rules came into force %d times, want 3: at the start, and mended twice", n)
		}
	})
}

func TestFileThatCannotBeReadBlocksNoOther(t *testing.T) {
	follow(t, func(f *followed) {
		f.do(os.Symlink("loop", filepath.Join(f.dir, "loop")))
		f.do(os.Symlink("nowhere", filepath.Join(f.dir, "dangling")))
		f.do(os.Mkdir(filepath.Join(f.dir, "directory.yaml"), 0o700))
		f.write("notes.txt", "not a rule")
		f.seconds(5)
		for i, port := range []string{"11", "222", "3333"} {
			hash := f.current().Hash
			f.write("one.yaml", ruleFile("one", "conn.port == "+port))
			f.seconds(2)
			f.expect("beside what is no rule", "one", false)
			if f.current().Hash == hash {
				t.Errorf("change %d is not in force", i+1)
			}
		}
	})
}

func TestRemovedDirectoryIsReloadedWhenItReturns(t *testing.T) {
	follow(t, func(f *followed) {
		f.do(os.Rename(f.dir, f.dir+".away"))
		f.seconds(10)
		f.expect("while the directory is away", "one", true)
		if n := f.logged("can't be used"); n != 1 {
			t.Errorf("logged %d times:\n%s", n, f.log.String())
		}
		f.do(os.Rename(f.dir+".away", f.dir))
		f.seconds(2)
		f.expect("when it is back", "one", false)
		f.do(os.Remove(filepath.Join(f.dir, "one.yaml")))
		f.seconds(2)
		f.expect("when it is empty", "one", true)
	})
}

func TestEditorThatRenames(t *testing.T) {
	follow(t, func(f *followed) {
		// As vim does: the old file becomes a backup, the new one is written
		// under its name.
		old := filepath.Join(f.dir, "one.yaml")
		f.do(os.Rename(old, old+"~"))
		f.write("one.yaml", ruleFile("one", "conn.port == 10"))
		f.do(os.Remove(old + "~"))
		f.seconds(2)
		f.expect("renamed away and written anew", "one", false)
		if got := f.current().Rules[0].When; got != "conn.port == 10" {
			t.Errorf("in force is %s", got)
		}
		// As sed -i and most programs do: a temporary file takes the name.
		f.write(".one.yaml.swp", ruleFile("one", "conn.port == 100"))
		f.do(os.Rename(filepath.Join(f.dir, ".one.yaml.swp"), old))
		f.seconds(2)
		f.expect("renamed over", "one", false)
		if got := f.current().Rules[0].When; got != "conn.port == 100" {
			t.Errorf("in force is %s", got)
		}
	})
}

// TestConfigMapIsSwapped does what the kubelet does with a volume: the files
// are links into ..data, a link to a directory that is replaced as a whole
// (kubernetes pkg/volume/util/atomic_writer.go).
func TestConfigMapIsSwapped(t *testing.T) {
	follow(t, func(f *followed) {
		publish := func(version string, files map[string]string) {
			payload := "..2025_06_05_" + version
			f.do(os.Mkdir(filepath.Join(f.dir, payload), 0o700))
			for name, text := range files {
				f.write(filepath.Join(payload, name), text)
				if link := filepath.Join(f.dir, name); !isLink(link) {
					f.do(errors.Join(os.RemoveAll(link), os.Symlink(filepath.Join("..data", name), link)))
				}
			}
			f.do(os.Symlink(payload, filepath.Join(f.dir, "..data_tmp")))
			f.do(os.Rename(filepath.Join(f.dir, "..data_tmp"), filepath.Join(f.dir, "..data")))
		}
		publish("1", map[string]string{"one.yaml": ruleFile("one", "conn.port == 1"), "two.yaml": ruleFile("two", "conn.port == 2")})
		f.seconds(2)
		f.expect("the first version", "one two", false)
		publish("2", map[string]string{"one.yaml": ruleFile("one", "conn.port == 1"), "two.yaml": ruleFile("two", "conn.port == 3 // three")})
		f.do(os.RemoveAll(filepath.Join(f.dir, "..2025_06_05_1")))
		f.seconds(2)
		f.expect("the second version", "one two", false)
		if got := f.current().Rules[1].When; got != "conn.port == 3 // three" {
			t.Errorf("in force is %s", got)
		}
		// A file that is no longer in the map: its link dangles until it is
		// removed.
		publish("3", map[string]string{"one.yaml": ruleFile("one", "conn.port == 1")})
		f.do(os.RemoveAll(filepath.Join(f.dir, "..2025_06_05_2")))
		f.do(os.Remove(filepath.Join(f.dir, "two.yaml")))
		f.seconds(2)
		f.expect("the third version", "one", false)
	})
}

func isLink(name string) bool {
	info, err := os.Lstat(name)
	return err == nil && info.Mode()&os.ModeSymlink != 0
}

func TestRulesAtTheStart(t *testing.T) {
	named := func(dir string) []string {
		if dir == "" {
			return nil
		}
		return []string{dir}
	}
	open := func(t *testing.T, dir string) (*rules, error) {
		return openRules(Options{Rules: named(dir), Default: rulepack.Files, Log: slog.New(slog.DiscardHandler), Telemetry: daemon.NewTelemetry()}, nil)
	}
	broken, file := t.TempDir(), filepath.Join(t.TempDir(), "rules.yaml")
	if err := errors.Join(
		os.WriteFile(filepath.Join(broken, "a.yaml"), []byte(ruleFile("a", "conn.prot == 1")), 0o600),
		os.WriteFile(filepath.Join(broken, "b.yaml"), []byte("rule: b\n"), 0o600),
		os.WriteFile(file, []byte(ruleFile("a", "true")), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		dir  string
		want []string
	}{
		"no such directory":  {filepath.Join(broken, "nowhere"), []string{"--rules", "nowhere", "no such file", "*.yaml"}},
		"a file":             {file, []string{"--rules", "want a directory"}},
		"an empty directory": {t.TempDir(), []string{"no rules here"}},
		"broken rules":       {broken, []string{"a.yaml:4", "conn.prot", "b.yaml:1", "title"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := open(t, test.dir)
			var usage *daemon.UsageError
			if !errors.As(err, &usage) {
				t.Fatalf("%v is not a mistake of the user's", err)
			}
			for _, part := range test.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%v doesn't say %q", err, part)
				}
			}
		})
	}
	t.Run("the default pack doesn't change", func(t *testing.T) {
		r, err := open(t, "")
		if err != nil {
			t.Fatal(err)
		}
		if len(r.current().Rules) < 5 {
			t.Errorf("%d rules", len(r.current().Rules))
		}
		r.follow(t.Context()) // returns at once
	})
}
