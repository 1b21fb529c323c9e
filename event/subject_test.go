package event_test

import (
	"regexp"
	"strings"
	"testing"

	"headstart/event"
)

func TestToken(t *testing.T) {
	for name, want := range map[string]string{
		"web-01":         "web-01",
		"web-01.example": "web-01=2Eexample",
		"a b*c>d":        "a=20b=2Ac=3Ed",
		"=":              "=3D",
		"":               "=",
		"größe":          "gr=C3=B6=C3=9Fe",
		"\x00\xff":       "=00=FF",
	} {
		if got := event.Token(name); got != want {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
		if got, err := event.FromToken(want); err != nil || got != name {
			t.Errorf("%q becomes %q, %v; want %q", want, got, err, name)
		}
	}
}

func TestFromTokenRejects(t *testing.T) {
	for _, token := range []string{
		"", "a.b", "a b", "ä", "=2", "a=", "==", "=2e", "=+1", "= 1", "=XY", "=41", "a=3", strings.Repeat("=", 1000),
	} {
		if name, err := event.FromToken(token); err == nil {
			t.Errorf("%q is parsed as %q", token, name)
		}
	}
}

func TestSubjects(t *testing.T) {
	for got, want := range map[string]string{
		event.SnapshotSubject("web.01"):                    "snapshot.web=2E01",
		event.ConnectionSubject("web.01"):                  "connection.web=2E01",
		event.ControlSubject("web.01"):                     "control.web=2E01",
		event.DeadLetterSubject("tracker"):                 "deadletter.tracker",
		event.AlertSubject(event.Critical, "smb-from-web"): "alert.critical.smb-from-web",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// oneToken is what NATS allows in a key of a key-value bucket, without the dot
// that would make two tokens of it.
var oneToken = regexp.MustCompile(`^[-/_=a-zA-Z0-9]+$`)

func FuzzToken(f *testing.F) {
	for _, seed := range []string{"", "web-01", "web.01", "=2E", "\xff", "größe", ">", "*"} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, name, other string) {
		token := event.Token(name)
		if !oneToken.MatchString(token) {
			t.Errorf("%q becomes %q, which is no token", name, token)
		}
		if back, err := event.FromToken(token); err != nil || back != name {
			t.Errorf("%q becomes %q, then %q, %v", name, token, back, err)
		}
		if name != other && token == event.Token(other) {
			t.Errorf("%q and %q become the same token %q", name, other, token)
		}
		if read, err := event.FromToken(name); err == nil && event.Token(read) != name {
			t.Errorf("%q is read as %q, which is written %q", name, read, event.Token(read))
		}
	})
}
