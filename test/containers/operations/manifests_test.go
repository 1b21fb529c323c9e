package operations_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"

	"headstart/test/containers/manual"
)

// workload is what the tests look at in anything that makes pods.
type workload struct {
	name     string
	selector map[string]string
	pods     corev1.PodTemplateSpec
	claims   []corev1.PersistentVolumeClaim
}

// readManifests reads deploy/kubernetes against the types of the Kubernetes
// API: a field that it doesn't know, or of another type, fails the test.
func readManifests(t *testing.T) (workloads []workload) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(manual.Root(t), "deploy/kubernetes/*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no manifests: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for document := range bytes.SplitSeq(data, []byte("\n---\n")) {
			w, err := readManifest(document)
			if err != nil {
				t.Errorf("%s: %v", filepath.Base(file), err)
			}
			if w.name != "" {
				workloads = append(workloads, w)
			}
		}
	}
	return workloads
}

func readManifest(document []byte) (workload, error) {
	var kind struct{ APIVersion, Kind string }
	if err := yaml.Unmarshal(document, &kind); err != nil {
		return workload{}, err
	}
	switch kind.APIVersion + " " + kind.Kind {
	case "v1 Namespace":
		return workload{}, decode(document, new(corev1.Namespace))
	case "v1 Service":
		return workload{}, decode(document, new(corev1.Service))
	case "apps/v1 Deployment":
		var d appsv1.Deployment
		err := decode(document, &d)
		return workload{d.Name, d.Spec.Selector.MatchLabels, d.Spec.Template, nil}, err
	case "apps/v1 DaemonSet":
		var d appsv1.DaemonSet
		err := decode(document, &d)
		return workload{d.Name, d.Spec.Selector.MatchLabels, d.Spec.Template, nil}, err
	case "apps/v1 StatefulSet":
		var s appsv1.StatefulSet
		err := decode(document, &s)
		return workload{s.Name, s.Spec.Selector.MatchLabels, s.Spec.Template, s.Spec.VolumeClaimTemplates}, err
	}
	return workload{}, fmt.Errorf("unknown kind %+v", kind)
}

// decode reads a document as the API server does: upper and lower case count,
// which sigs.k8s.io/yaml alone does not require.
func decode(document []byte, into any) error {
	data, err := yaml.YAMLToJSONStrict(document)
	if err != nil {
		return err
	}
	mistakes, err := json.UnmarshalStrict(data, into)
	return errors.Join(append(mistakes, err)...)
}

func TestKubernetesManifests(t *testing.T) {
	given := documentedObjects(t)
	var names []string
	for _, w := range readManifests(t) {
		names = append(names, w.name)
		t.Run(w.name, func(t *testing.T) {
			for key, value := range w.selector {
				if w.pods.Labels[key] != value {
					t.Errorf("the selector's %s=%s is not among the pods' labels", key, value)
				}
			}
			checkPod(t, w, given)
		})
	}
	slices.Sort(names)
	if want := []string{"correlator", "nats", "notifier", "poller", "tracker"}; !slices.Equal(names, want) {
		t.Errorf("workloads %q, want %q", names, want)
	}
}

func checkPod(t *testing.T, w workload, given map[string]bool) {
	pod := w.pods.Spec
	if pod.HostNetwork != (w.name == "poller") {
		t.Errorf("host network: %t; only the poller needs it", pod.HostNetwork)
	}
	if s := pod.SecurityContext; s == nil || s.RunAsNonRoot == nil || !*s.RunAsNonRoot || s.SeccompProfile == nil {
		t.Error("the pod may run as root, or without a seccomp profile")
	}
	volumes := map[string]bool{}
	for _, v := range pod.Volumes {
		volumes[v.Name] = true
		for _, object := range objectsOf(v) {
			if !given[object] {
				t.Errorf("volume %s needs %s, which docs/operations.md does not say how to create", v.Name, object)
			}
		}
	}
	for _, c := range w.claims {
		volumes[c.Name] = true
	}
	for _, c := range pod.Containers {
		s := c.SecurityContext
		if s == nil || !*s.ReadOnlyRootFilesystem || *s.AllowPrivilegeEscalation || !slices.Contains(s.Capabilities.Drop, "ALL") {
			t.Errorf("container %s has more rights than it needs", c.Name)
		}
		for _, m := range c.VolumeMounts {
			if !volumes[m.Name] {
				t.Errorf("%s is to be mounted on %s, and is no volume", m.Name, m.MountPath)
			}
			if m.SubPath != "" {
				t.Errorf("%s is mounted by subPath: changes won't show", m.Name)
			}
		}
		for _, probe := range []*corev1.Probe{c.ReadinessProbe, c.LivenessProbe} {
			if probe == nil {
				t.Errorf("container %s has one probe less than it needs", c.Name)
			} else if probe.HTTPGet != nil && !slices.ContainsFunc(c.Ports, func(p corev1.ContainerPort) bool { return p.Name == probe.HTTPGet.Port.StrVal }) {
				t.Errorf("a probe queries port %s, which the container hasn't", &probe.HTTPGet.Port)
			}
		}
	}
}

// objectsOf names the keys of Secrets and ConfigMaps that a volume needs:
// "secret nats-tls tls.key", or without a key where it takes all.
func objectsOf(v corev1.Volume) (objects []string) {
	secret := func(name string, items []corev1.KeyToPath) {
		if len(items) == 0 {
			objects = append(objects, "secret "+name)
		}
		for _, i := range items {
			objects = append(objects, "secret "+name+" "+i.Key)
		}
	}
	if v.Secret != nil {
		secret(v.Secret.SecretName, v.Secret.Items)
	}
	if v.ConfigMap != nil {
		objects = append(objects, "configmap "+v.ConfigMap.Name)
	}
	if v.Projected != nil {
		for _, source := range v.Projected.Sources {
			if source.Secret != nil {
				secret(source.Secret.Name, source.Secret.Items)
			}
			if source.ConfigMap != nil {
				objects = append(objects, "configmap "+source.ConfigMap.Name)
			}
		}
	}
	return objects
}

var creation = regexp.MustCompile(`kubectl create (secret generic|configmap) ([a-z-]+)`)

// documentedObjects are the Secrets and ConfigMaps that the document says to
// make.
func documentedObjects(t *testing.T) map[string]bool {
	t.Helper()
	objects := map[string]bool{}
	for _, command := range manual.Commands(t, "Kubernetes", "console") {
		match := creation.FindStringSubmatch(command)
		if match == nil {
			continue
		}
		object := strings.TrimSuffix(match[1], " generic") + " " + match[2]
		objects[object] = true
		for word := range strings.FieldsSeq(command) {
			source, ok := strings.CutPrefix(word, "--from-file=")
			if !ok {
				continue
			}
			key, file, named := strings.Cut(source, "=")
			if !named {
				file = key
				key = filepath.Base(file)
			}
			objects[object+" "+key] = true
			if strings.HasPrefix(file, "deploy/") || strings.HasPrefix(file, "rules.expr") {
				if _, err := os.Stat(filepath.Join(manual.Root(t), file)); err != nil {
					t.Errorf("%s: %v", command, err)
				}
			}
		}
	}
	return objects
}
