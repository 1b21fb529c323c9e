package pairing_test

import (
	"bytes"
	"testing"

	"golang.org/x/tools/txtar"

	"headstart/detect/pairing"
	"headstart/detect/scripttest"
	"headstart/event/wire"
)

func TestScripts(t *testing.T) {
	scripttest.Each(t, "unpaired", func(t *testing.T) scripttest.Machine {
		s := newScript(pairing.Limits{})
		return scripttest.Machine{
			Do:      func(section *txtar.File) (string, error) { return s.section(section.Name, string(section.Data)) },
			Restart: func() { s.witnesses = restored(t, s.witnesses, pairing.Limits{}) },
		}
	})
}

func save(t *testing.T, w *pairing.Pairs) []byte {
	t.Helper()
	saved, err := wire.Marshal(w.Save())
	if err != nil {
		t.Fatal(err)
	}
	return saved
}

// restored returns witnesses that were saved and restored.
func restored(t *testing.T, w *pairing.Pairs, limits pairing.Limits) *pairing.Pairs {
	t.Helper()
	saved := save(t, w)
	var s pairing.State
	if err := wire.Unmarshal(saved, &s); err != nil {
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
