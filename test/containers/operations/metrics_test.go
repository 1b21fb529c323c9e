package operations_test

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"headstart/test/containers/manual"
	"headstart/test/system"
)

func TestMonitoring(t *testing.T) {
	p := startPipeline(t)
	p.connect(t)
	p.receiver.Wait(t, 30*time.Second, "an alert", func(all []system.Received) bool { return len(all) > 0 })
	t.Run("the table of metrics is complete and holds nothing else", func(t *testing.T) { checkMetrics(t, p) })
	t.Run("every part is listed under readiness", func(t *testing.T) { checkReadiness(t, p) })
	t.Run("the process is up", func(t *testing.T) {
		for service := range programs {
			if status, body := p.get(t, service, "/healthz"); status != 200 || body != "ok\n" {
				t.Errorf("%s: %d %q", service, status, body)
			}
		}
	})
}

func checkMetrics(t *testing.T, p *pipeline) {
	documented := map[string]map[string]bool{}
	for service := range programs {
		documented[service] = map[string]bool{}
	}
	for _, row := range manual.Table(t, "Metrics", "metric") {
		for _, service := range servicesIn(row[1]) {
			documented[service][manual.Code(row[0])] = true
		}
	}
	for service, want := range documented {
		t.Run(service, func(t *testing.T) {
			// Some appear with the first event that they count.
			await(t, "all that is documented", func() error { return difference(want, p.metrics(t, service)) })
			if unknown := difference(p.metrics(t, service), want); unknown != nil {
				t.Errorf("docs/operations.md doesn't list %v", unknown)
			}
			_, text := p.get(t, service, "/metrics")
			for name := range want {
				name, _, _ = strings.Cut(name, "{")
				if !strings.Contains(text, "# HELP "+name+" ") {
					t.Errorf("%s has no HELP", name)
				}
			}
		})
	}
}

// servicesIn reads a cell that lists which services have a metric.
func servicesIn(cell string) []string {
	if cell == "all" {
		return slices.Collect(maps.Keys(programs))
	}
	return strings.Split(cell, ", ")
}

// difference is an error that names what a has and b hasn't.
func difference(a, b map[string]bool) error {
	var names []string
	for name := range a {
		if !b[name] {
			names = append(names, name)
		}
	}
	if names == nil {
		return nil
	}
	sort.Strings(names)
	return errors.New(strings.Join(names, " "))
}

// rulesNote is what the correlator says of its rules.
var rulesNote = regexp.MustCompile(`,"rules":"\S+ [0-9a-f]{12}, active since [0-9TZ:-]+"`)

func checkReadiness(t *testing.T, p *pipeline) {
	for _, row := range manual.Table(t, "Health", "service") {
		status, got := p.get(t, row[0], "/readyz")
		var parts []string
		for part := range strings.SplitSeq(row[1], ", ") {
			parts = append(parts, fmt.Sprintf("%q:%q", strings.ReplaceAll(manual.Code(part), "<receiver>", "test"), "ok"))
		}
		sort.Strings(parts)
		got = rulesNote.ReplaceAllString(got, "")
		if want := "{" + strings.Join(parts, ",") + "}\n"; status != 200 || got != want {
			t.Errorf("%s: %d %q, want 200 %q", row[0], status, got, want)
		}
	}
}
