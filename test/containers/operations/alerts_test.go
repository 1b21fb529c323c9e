package operations_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"headstart/test/containers/manual"
)

// ruleFile is a Prometheus rule file; see "Defining recording rules" in its
// documentation.
type ruleFile struct {
	Groups []struct {
		Name  string
		Rules []struct {
			Alert, Expr, For    string
			Labels, Annotations map[string]string
		}
	}
}

var usedMetric = regexp.MustCompile(`(headstart_[a-z_]+)(?:\{([a-z]+)=)?`)

// A metric is taken to exist when the document lists it: another test holds
// that to the truth.
func TestPrometheusRulesUseMetricsThatExist(t *testing.T) {
	labels := map[string]string{}
	for _, row := range manual.Table(t, "Metrics", "metric") {
		name, rest, _ := strings.Cut(manual.Code(row[0]), "{")
		labels[name] = rest
	}
	var file ruleFile
	text := readFile(t, filepath.Join(manual.Root(t), "deploy/prometheus/headstart.rules.yaml"))
	if err := yaml.UnmarshalStrict([]byte(text), &file); err != nil {
		t.Fatal(err)
	}
	alerts := map[string]bool{}
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			alerts[rule.Alert] = true
			if rule.Alert == "" || rule.Annotations["summary"] == "" || rule.Labels["severity"] == "" {
				t.Errorf("%+v: want a name, a summary and a severity", rule)
			}
			for _, use := range usedMetric.FindAllStringSubmatch(rule.Expr, -1) {
				has, ok := labels[use[1]]
				if !ok {
					t.Errorf("%s: no metric %s", rule.Alert, use[1])
				}
				if use[2] != "job" && !strings.Contains(has, use[2]) {
					t.Errorf("%s: %s has no label %s", rule.Alert, use[1], use[2])
				}
			}
		}
	}
	for _, row := range manual.Table(t, "Alerts", "alert") {
		if name := manual.Code(row[0]); !alerts[name] {
			t.Errorf("docs/operations.md explains %s, which is no alert", name)
		}
	}
}
