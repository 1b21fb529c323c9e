package delivery

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The rows of the documentation's table that are about statuses say what the
// code does with every status.
func TestDocumentedTable(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "notifier.md"))
	if err != nil {
		t.Fatal(err)
	}
	documented := map[int]string{}
	for _, row := range regexp.MustCompile(`(?m)^\| ((?:other )?[2-5]xx|\d{3}(?:, \d{3})*) \| (done|retry|dead)`).FindAllStringSubmatch(string(text), -1) {
		class, isClass := strings.CutSuffix(strings.TrimPrefix(row[1], "other "), "xx")
		if !isClass {
			for status := range strings.SplitSeq(row[1], ", ") {
				documented[number(t, status)] = row[2]
			}
			continue
		}
		for status := 100 * number(t, class); status < 100*number(t, class)+100; status++ {
			if _, named := documented[status]; !named {
				documented[status] = row[2]
			}
		}
	}
	for status := 200; status <= 599; status++ {
		if got := (Answer{Status: status}).Outcome(time.Time{}).Verdict.String(); got != documented[status] {
			t.Errorf("%d is %s, documented as %q", status, got, documented[status])
		}
	}
}

func number(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
