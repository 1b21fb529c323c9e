package pairing_test

import (
	"bytes"
	"encoding/gob"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"headstart/detect/pairing"
	"headstart/detect/scripttest"
)

func TestScripts(t *testing.T) {
	scripttest.Each(t, "one-sided", func(t *testing.T) scripttest.Machine {
		s := newScript(pairing.Limits{})
		asks := func(section *txtar.File) bool { return strings.HasPrefix(section.Name, "edge ") }
		return scripttest.Machine{
			Asks: asks,
			Do: func(section *txtar.File) (string, error) {
				if asks(section) {
					return s.section(section.Name, "")
				}
				return s.section(section.Name, string(section.Data))
			},
			Restart: func() { s.witnesses = restored(t, s.witnesses, pairing.Limits{}) },
		}
	})
}

func save(t *testing.T, w *pairing.Pairs) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(w.Save()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// restored returns witnesses that were saved and restored.
func restored(t *testing.T, w *pairing.Pairs, limits pairing.Limits) *pairing.Pairs {
	t.Helper()
	saved := save(t, w)
	var s pairing.State
	if err := gob.NewDecoder(bytes.NewReader(saved)).Decode(&s); err != nil {
		t.Fatal(err)
	}
	fresh := pairing.New(limits)
	if err := fresh.Restore(s); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(save(t, fresh), saved) {
		t.Fatal("what was restored saves something else")
	}
	return fresh
}
