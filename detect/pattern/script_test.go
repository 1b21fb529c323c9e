package pattern_test

import (
	"testing"

	"golang.org/x/tools/txtar"

	"headstart/detect/scripttest"
)

func TestScripts(t *testing.T) {
	scripttest.Each(t, "fires", func(t *testing.T) scripttest.Machine {
		s := newScript()
		return scripttest.Machine{
			Do: func(section *txtar.File) (string, error) {
				fired, err := s.section(section.Name, string(section.Data))
				return s.describe(fired), err
			},
			Restart: func() { restore(t, s.patterns, save(t, s.patterns)) },
		}
	})
}
