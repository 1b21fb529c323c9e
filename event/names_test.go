package event_test

import (
	"encoding"
	"fmt"
	"strings"
	"testing"

	"headstart/event"
)

// testNames checks that the numbers from first on have the names, and that
// their text is read back; that no other text is; and what an unknown number
// is called.
func testNames[T ~uint8, P interface {
	*T
	encoding.TextUnmarshaler
}](t *testing.T, first T, names, unknown string) {
	t.Helper()
	n := first
	for _, name := range strings.Fields(names) {
		if got := fmt.Sprint(n); got != name {
			t.Errorf("%d is called %q, want %q", uint8(n), got, name)
		}
		var read T
		if err := P(&read).UnmarshalText([]byte(name)); err != nil || read != n {
			t.Errorf("%q is read as %d, %v; want %d", name, uint8(read), err, uint8(n))
		}
		n++
	}
	if got := fmt.Sprint(n); got != unknown {
		t.Errorf("a number beyond the last is called %q, want %q", got, unknown)
	}
	for _, text := range []string{unknown, "no such name", strings.ToUpper(names), strings.Repeat("x", 1000)} {
		read := first
		err := P(&read).UnmarshalText([]byte(text))
		if err == nil {
			t.Errorf("%.64q is read as %d", text, uint8(read))
		} else if len(err.Error()) > 200 {
			t.Errorf("the error repeats %d bytes of the input", len(err.Error()))
		}
	}
}

func TestNames(t *testing.T) {
	t.Run("state", func(t *testing.T) {
		testNames(t, event.Established, "ESTABLISHED SYN_SENT SYN_RECV FIN_WAIT1 FIN_WAIT2 TIME_WAIT "+
			"CLOSE CLOSE_WAIT LAST_ACK LISTEN CLOSING NEW_SYN_RECV", "state(13)")
	})
	t.Run("severity", func(t *testing.T) {
		testNames(t, event.Info, "info low medium high critical", "severity(5)")
	})
	t.Run("kind", func(t *testing.T) {
		testNames(t, event.Listening, "listening stopped attempted opened closed", "unknown(6)")
	})
	t.Run("direction", func(t *testing.T) {
		testNames(t, event.Inbound, "inbound outbound", "unknown(3)")
	})
	t.Run("direction source", func(t *testing.T) {
		testNames(t, event.FromHandshake, "handshake listener ports", "unknown(4)")
	})
	t.Run("reason", func(t *testing.T) {
		testNames(t, event.Gone, "gone time-wait reset-or-unknown reboot port-reused", "unknown(6)")
	})
}

// The names of timers are only written.
func TestTimerNames(t *testing.T) {
	for timer, want := range map[event.Timer]string{
		event.TimerOff: "off", event.TimerRetransmit: "retransmit", event.TimerKeepalive: "keepalive",
		event.TimerTimeWait: "time-wait", event.TimerProbe: "probe", 5: "timer(5)",
	} {
		if got, err := timer.MarshalText(); err != nil || string(got) != want {
			t.Errorf("timer %d is called %q, %v; want %q", uint8(timer), got, err, want)
		}
		if timer.Valid() != (timer <= event.TimerProbe) {
			t.Errorf("%v is valid: %t", timer, timer.Valid())
		}
	}
}

// What a value can't do without has no empty name.
func TestEmptyNames(t *testing.T) {
	for what, read := range map[string]func() error{
		"state":    func() error { return new(event.State).UnmarshalText(nil) },
		"severity": func() error { return new(event.Severity).UnmarshalText(nil) },
		"kind":     func() error { return new(event.Kind).UnmarshalText(nil) },
	} {
		if read() == nil {
			t.Errorf("the empty text is a %s", what)
		}
	}
	if _, err := event.Severity(9).MarshalText(); err == nil {
		t.Error("a severity that does not exist has a text")
	}
}

func TestStateNumbersAreLinux(t *testing.T) {
	for state, want := range map[event.State]uint8{event.Established: 1, event.TimeWait: 6, event.Listen: 10, event.NewSynRecv: 12} {
		if uint8(state) != want {
			t.Errorf("%v is %d, in include/net/tcp_states.h it is %d", state, uint8(state), want)
		}
	}
	if event.State(0).Valid() || event.State(13).Valid() {
		t.Error("a state that Linux doesn't have is valid")
	}
}
