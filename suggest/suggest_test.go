package suggest_test

import (
	"strings"
	"testing"

	"headstart/suggest"
)

func TestDidYouMean(t *testing.T) {
	known := []string{"addresses", "monitored", "roles"}
	for name, want := range map[string]string{
		"role":                  "roles",
		"rolse":                 "roles",
		"Monitored":             "monitored",
		"adresses":              "addresses",
		"tags":                  "",
		"":                      "",
		strings.Repeat("r", 99): "",
	} {
		t.Run(name, func(t *testing.T) {
			if want != "" {
				want = "; did you mean " + want + "?"
			}
			if got := suggest.DidYouMean(name, known); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestOfTwoEquallyNearTheFirstIsNamed(t *testing.T) {
	for _, known := range [][]string{{"bat", "cat"}, {"cat", "bat"}} {
		if got := suggest.DidYouMean("hat", known); got != "; did you mean bat?" {
			t.Errorf("of %v: %q", known, got)
		}
	}
}
