package daemon_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"headstart/daemon"
)

func TestSecretsDoNotPrint(t *testing.T) {
	const value = "hunter2"
	type holder struct {
		Password daemon.Secret
		Others   []daemon.Secret
		Named    map[string]daemon.Secret
	}
	h := holder{value, []daemon.Secret{value}, map[string]daemon.Secret{"a": value}}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T %[1]v"} {
		fmt.Fprintf(&out, verb+"\n", h.Password)
		fmt.Fprintf(&out, verb+"\n", h)
		fmt.Fprintf(&out, verb+"\n", &h)
	}
	fmt.Fprintln(&out, h, fmt.Errorf("login with %v: failed", h.Password))
	if err := json.NewEncoder(&out).Encode(h); err != nil {
		t.Fatal(err)
	}
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Info("login", "password", h.Password, "options", h, "pointer", &h)
	}
	if strings.Contains(out.String(), value) || strings.Contains(out.String(), fmt.Sprintf("%x", value)) {
		t.Errorf("the secret is in\n%s", out.String())
	}
	if got := strings.Count(out.String(), "[redacted]"); got < 60 {
		t.Errorf("[redacted] appears %d times in\n%s", got, out.String())
	}
	if h.Password.Reveal() != value {
		t.Error("Reveal returns something else")
	}
	if got := fmt.Sprint(daemon.Secret("")); got != "" {
		t.Errorf("the empty secret prints as %q", got)
	}
}
