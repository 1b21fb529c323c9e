package spool_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"headstart/services/poller/spool"
)

func TestDirectorySurvivesARestart(t *testing.T) {
	o := spool.Options{Dir: filepath.Join(t.TempDir(), "made", "where", "missing")}
	s := open(t, o)
	ids := sequence("a", 1, 20) // more than there are digits
	push(t, s, ids...)
	head(t, s)
	s.Pop()

	s = reopen(t, s, o)
	if got, want := s.Stats(), (spool.Stats{Messages: 19, Bytes: 19 * 4096}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	push(t, s, "b")
	s = reopen(t, s, o)
	push(t, s, "c")
	if got, want := drain(t, s), append(ids[1:], "b", "c"); !slices.Equal(got, want) {
		t.Errorf("came out as %q, want %q", got, want)
	}
	if left := files(t, o.Dir); len(left) != 0 {
		t.Errorf("left %q behind", left)
	}
}

func TestDirectoryEnforcesItsLimitOnOpen(t *testing.T) {
	o := spool.Options{Dir: t.TempDir()}
	s := open(t, o)
	push(t, s, "a", "b", "c", "d")

	o.Limit = 2 * 4096
	s = reopen(t, s, o)
	want := spool.Stats{Messages: 2, Bytes: 2 * 4096, DroppedMessages: 2, DroppedBytes: 2 * 4096}
	if got := s.Stats(); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if left := files(t, o.Dir); len(left) != 2 {
		t.Errorf("%q, want two files", left)
	}
	if got := drain(t, s); !slices.Equal(got, []string{"c", "d"}) {
		t.Errorf("left %q, want c, d", got)
	}
}

func TestDirectorySkipsDamagedFiles(t *testing.T) {
	for _, test := range []struct {
		name   string
		damage func(data []byte) []byte
	}{
		{"cut in half", func(data []byte) []byte { return data[:len(data)/2] }},
		{"cut by a byte", func(data []byte) []byte { return data[:len(data)-1] }},
		{"cut in its header", func(data []byte) []byte { return data[:5] }},
		{"empty", func([]byte) []byte { return nil }},
		{"zero bytes", func(data []byte) []byte { return make([]byte, len(data)) }},
		{"one bit", func(data []byte) []byte { data[len(data)/2] ^= 1; return data }},
		{"another length of the id", func(data []byte) []byte { data[8] ^= 1; return data }},
		{"longer", func(data []byte) []byte { return append(data, 0) }},
	} {
		damageSecond := func(t *testing.T, dir string) string {
			name := files(t, dir)[1]
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			write(t, name, test.damage(data))
			return name
		}
		check := func(t *testing.T, s *spool.Spool, name string) {
			t.Helper()
			if got := drain(t, s); !slices.Equal(got, []string{"a", "c"}) {
				t.Errorf("left %q, want a, c", got)
			}
			if got := s.Stats(); got != (spool.Stats{DamagedFiles: 1}) {
				t.Errorf("%+v, want one damaged file", got)
			}
			if _, err := os.Stat(name); err != nil {
				t.Errorf("the damaged file is gone: %v", err)
			}
		}
		t.Run("on Open/"+test.name, func(t *testing.T) {
			o := spool.Options{Dir: t.TempDir()}
			s := open(t, o)
			push(t, s, "a", "b", "c")
			name := damageSecond(t, o.Dir)
			check(t, reopen(t, s, o), name)
		})
		t.Run("later/"+test.name, func(t *testing.T) {
			o := spool.Options{Dir: t.TempDir()}
			s := open(t, o)
			push(t, s, "a", "b", "c")
			check(t, s, damageSecond(t, o.Dir))
		})
	}

	t.Run("and counts on after them", func(t *testing.T) {
		o := spool.Options{Dir: t.TempDir()}
		s := open(t, o)
		push(t, s, "a")
		write(t, files(t, o.Dir)[0], nil)
		s = reopen(t, s, o)
		push(t, s, "b")
		if n := len(files(t, o.Dir)); n != 2 {
			t.Errorf("%d files, want the damaged one and another", n)
		}
	})
}

func TestDirectorySkipsARemovedFile(t *testing.T) {
	o := spool.Options{Dir: t.TempDir()}
	s := open(t, o)
	push(t, s, "a", "b")
	if err := os.Remove(files(t, o.Dir)[0]); err != nil {
		t.Fatal(err)
	}
	if got := drain(t, s); !slices.Equal(got, []string{"b"}) {
		t.Errorf("left %q, want b", got)
	}
}

func TestDirectoryLeavesForeignFilesAlone(t *testing.T) {
	o := spool.Options{Dir: t.TempDir()}
	s := open(t, o)
	push(t, s, "a")
	mine := filepath.Base(files(t, o.Dir)[0])
	foreign := []string{
		"notes.txt", ".hidden", "x" + mine, mine + "~", "1.message", "000000000000000A.message",
		"0000000000000000.message", "ffffffffffffffff.message", "+00000000000000b.message",
	}
	for _, name := range foreign {
		write(t, filepath.Join(o.Dir, name), []byte("not a message"))
	}
	for _, name := range []string{"0000000000000010.message", "0000000000000011.temporary"} {
		if err := os.Mkdir(filepath.Join(o.Dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(mine, filepath.Join(o.Dir, "0000000000000012.message")); err != nil {
		t.Fatal(err)
	}

	s = reopen(t, s, o)
	if got, want := s.Stats(), (spool.Stats{Messages: 1, Bytes: 4096, ForeignFiles: len(foreign) + 3}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := drain(t, s); !slices.Equal(got, []string{"a"}) {
		t.Errorf("left %q, want a", got)
	}
	if n := len(files(t, o.Dir)); n != len(foreign)+3 {
		t.Errorf("%d files left, want the foreign %d", n, len(foreign)+3)
	}
}

func TestDirectoryRemovesUnfinishedFiles(t *testing.T) {
	o := spool.Options{Dir: t.TempDir()}
	write(t, filepath.Join(o.Dir, "0000000000000007.temporary"), []byte("HSP1"))
	s := open(t, o)
	if got := s.Stats(); got != (spool.Stats{}) {
		t.Errorf("%+v, want nothing", got)
	}
	if left := files(t, o.Dir); len(left) != 0 {
		t.Errorf("left %q behind", left)
	}
}

func TestDirectoryIsForOneSpool(t *testing.T) {
	o := spool.Options{Dir: t.TempDir()}
	s := open(t, o)
	if other, err := spool.Open(o); err == nil {
		other.Close()
		t.Fatal("a second spool opened it")
	}
	reopen(t, s, o)
}

func TestOpenRejectsAFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	write(t, name, nil)
	if _, err := spool.Open(spool.Options{Dir: name}); err == nil {
		t.Error("no error")
	}
}

// A directory whose path became that of a file fails for every user; where
// it comes back, it is as it was.
func TestDirectoryKeepsMessagesWhileTheDiskFails(t *testing.T) {
	t.Run("and says so once an outage", func(t *testing.T) {
		o := spool.Options{Dir: filepath.Join(t.TempDir(), "spool")}
		s := open(t, o)
		for range 2 {
			restore := breakDirectory(t, o.Dir)
			if err := s.Push(spool.Message{ID: "a", Payload: payload("a")}); !errors.Is(err, spool.ErrMemoryOnly) {
				t.Fatalf("%v, want ErrMemoryOnly", err)
			}
			push(t, s, "b")
			if got := s.Stats(); got.MemoryOnly != 2 || got.Messages != 2 || got.Bytes != 2*4096 {
				t.Errorf("%+v, want two messages in memory only", got)
			}
			restore()
			push(t, s, "c")
			if got := s.Stats(); got.MemoryOnly != 0 || got.Messages != 3 {
				t.Errorf("%+v, want three messages and all on disk", got)
			}
			if got := drain(t, s); !slices.Equal(got, []string{"a", "b", "c"}) {
				t.Errorf("came out as %q", got)
			}
		}
	})

	t.Run("and sends them", func(t *testing.T) {
		o := spool.Options{Dir: filepath.Join(t.TempDir(), "spool")}
		s := open(t, o)
		restore := breakDirectory(t, o.Dir)
		s.Push(spool.Message{ID: "a", Payload: payload("a")})
		push(t, s, "b")
		if got := drain(t, s); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("came out as %q", got)
		}
		restore()
	})

	t.Run("and writes them in order when it works again", func(t *testing.T) {
		o := spool.Options{Dir: filepath.Join(t.TempDir(), "spool")}
		s := open(t, o)
		push(t, s, "a")
		restore := breakDirectory(t, o.Dir)
		s.Push(spool.Message{ID: "b", Payload: payload("b")})
		push(t, s, "c")
		restore()
		s = reopen(t, s, o)
		if got := drain(t, s); !slices.Equal(got, []string{"a", "b", "c"}) {
			t.Errorf("came out as %q", got)
		}
	})

	t.Run("and doesn't take what it can't read for lost", func(t *testing.T) {
		o := spool.Options{Dir: filepath.Join(t.TempDir(), "spool")}
		s := open(t, o)
		push(t, s, "a")
		restore := breakDirectory(t, o.Dir)
		if m, err := s.Head(); err == nil || errors.Is(err, spool.ErrEmpty) {
			t.Errorf("%v, %v, want an error of the disk", m, err)
		}
		restore()
		if got := drain(t, s); !slices.Equal(got, []string{"a"}) {
			t.Errorf("left %q, want a", got)
		}
	})

	t.Run("and removes their files later", func(t *testing.T) {
		o := spool.Options{Dir: filepath.Join(t.TempDir(), "spool")}
		s := open(t, o)
		push(t, s, "a")
		head(t, s)
		restore := breakDirectory(t, o.Dir)
		s.Pop()
		restore()
		push(t, s, "b")
		if n := len(files(t, o.Dir)); n != 1 {
			t.Errorf("%d files, want that of b", n)
		}
	})

	t.Run("under the same limit", func(t *testing.T) {
		o := spool.Options{Dir: filepath.Join(t.TempDir(), "spool"), Limit: 2 * 4096}
		s := open(t, o)
		push(t, s, "a")
		restore := breakDirectory(t, o.Dir)
		s.Push(spool.Message{ID: "b", Payload: payload("b")})
		push(t, s, "c", "d")
		restore()
		if got := s.Stats(); got.Messages != 2 || got.MemoryOnly != 2 || got.DroppedMessages != 2 {
			t.Errorf("%+v, want two messages and two dropped", got)
		}
		push(t, s, "e")
		if n := len(files(t, o.Dir)); n != 2 {
			t.Errorf("%d files, want 2", n)
		}
		if got := drain(t, s); !slices.Equal(got, []string{"d", "e"}) {
			t.Errorf("left %q, want d, e", got)
		}
	})

	t.Run("and says how many are lost on Close", func(t *testing.T) {
		o := spool.Options{Dir: filepath.Join(t.TempDir(), "spool")}
		s := open(t, o)
		breakDirectory(t, o.Dir)
		s.Push(spool.Message{ID: "a", Payload: payload("a")})
		if err := s.Close(); err == nil {
			t.Error("no error")
		}
	})
}

// breakDirectory makes every operation in a directory fail until restore.
func breakDirectory(t testing.TB, dir string) (restore func()) {
	t.Helper()
	aside := dir + ".aside"
	if err := os.Rename(dir, aside); err != nil {
		t.Fatal(err)
	}
	write(t, dir, nil)
	return func() {
		t.Helper()
		if err := errors.Join(os.Remove(dir), os.Rename(aside, dir)); err != nil {
			t.Fatal(err)
		}
	}
}

func files(t testing.TB, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, filepath.Join(dir, e.Name()))
	}
	return names
}

func write(t testing.TB, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
