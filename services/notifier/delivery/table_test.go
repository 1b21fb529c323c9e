package delivery

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestOutcomeOfEveryStatus(t *testing.T) {
	retried := map[int]bool{408: true, 425: true, 429: true}
	for status := 500; status <= 599; status++ {
		retried[status] = status != 501 && status != 505
	}
	for status := -1; status <= 1000; status++ {
		want := Dead
		switch {
		case status >= 200 && status <= 299:
			want = Done
		case retried[status]:
			want = Retry
		}
		got := Answer{Status: status, RetryAfter: "7"}.Outcome(time.Time{})
		if got.Verdict != want {
			t.Errorf("%d: %v, want %v", status, got.Verdict, want)
		}
		if asked := got.After == 7*time.Second; asked != (want == Retry) {
			t.Errorf("%d is %v with a wait of %v after Retry-After: 7", status, want, got.After)
		}
		if (got.Reason == "") != (want == Done) {
			t.Errorf("%d is %v with the reason %q", status, want, got.Reason)
		}
	}
}

func TestReasonHasStatusAndDetail(t *testing.T) {
	for _, c := range []struct {
		answer Answer
		want   string
	}{
		{Answer{Status: 403}, "403 Forbidden"},
		{Answer{Status: 400, Detail: "no_text"}, "400 Bad Request: no_text"},
		{Answer{Status: 599}, "599"},
		{Answer{Status: 301}, "301 Moved Permanently: redirects are not followed: configure the new URL"},
	} {
		if got := c.answer.Outcome(time.Time{}).Reason; got != c.want {
			t.Errorf("reason %q, want %q", got, c.want)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	at := time.Date(2025, 6, 5, 15, 16, 0, 0, time.UTC)
	for field, want := range map[string]time.Duration{
		"":                                 0,
		"0":                                0,
		"30":                               30 * time.Second,
		" 30\t":                            30 * time.Second,
		"3600":                             time.Hour,
		"3601":                             time.Hour,
		"99999999999999999999999":          time.Hour,
		"-1":                               0,
		"+5":                               0,
		"1.5":                              0,
		"0x10":                             0,
		"soon":                             0,
		"Thu, 05 Jun 2025 15:16:20 GMT":    20 * time.Second, // IMF-fixdate
		"Thursday, 05-Jun-25 15:16:20 GMT": 20 * time.Second, // RFC 850
		"Thu Jun  5 15:16:20 2025":         20 * time.Second, // asctime
		"Thu, 05 Jun 2025 15:15:00 GMT":    0,
		"Fri, 06 Jun 2025 15:16:00 GMT":    time.Hour,
		"Thu, 05 Jun 2025 15:16:20":        0,
	} {
		if got := retryAfter(field, at); got != want {
			t.Errorf("retryAfter(%q) = %v, want %v", field, got, want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{"", "30", "99999999999999999999", "Thu, 05 Jun 2025 15:16:20 GMT", "Sat, 01 Jan 0000 00:00:00 GMT"} {
		f.Add(seed, int64(1749136560))
	}
	f.Fuzz(func(t *testing.T, field string, unix int64) {
		if got := retryAfter(field, time.Unix(unix, 0)); got < 0 || got > MaxRetryAfter {
			t.Errorf("retryAfter(%q) = %v", field, got)
		}
	})
}

const secretURL = "https://hooks.example/services/T0/B0/s3cr3t"

func TestErrorIsRetriedWithoutItsURL(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want string // part of the reason
	}{
		"refused":             {&net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}, "connection refused"},
		"reset":               {&net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}, "connection reset"},
		"no such host":        {&net.DNSError{Err: "no such host", Name: "hooks.example", IsNotFound: true}, "no such host"},
		"name server failed":  {&net.DNSError{Err: "server misbehaving", Name: "hooks.example", IsTemporary: true}, "server misbehaving"},
		"no answer":           {io.EOF, "without an answer"},
		"half an answer":      {io.ErrUnexpectedEOF, "without an answer"},
		"unknown authority":   {&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, "ca_file"},
		"plain HTTP":          {tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, "TLS: not supported by the server"},
		"anything else":       {errors.New("something new"), "something new"},
		"URL within a URL":    {&url.Error{Op: "Post", URL: secretURL, Err: errors.New("proxy")}, "proxy"},
		"URL in wrapped text": {fmt.Errorf("post to %s: %w", secretURL, &url.Error{Op: "parse", URL: secretURL, Err: errors.New("bad port")}), "bad port"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, err := range []error{
				c.err,
				&url.Error{Op: "Post", URL: secretURL, Err: c.err},
				fmt.Errorf("receiver at %s: %w", secretURL, &url.Error{Op: "Post", URL: secretURL, Err: c.err}),
			} {
				got := OfError(err)
				if !strings.Contains(got.Reason, c.want) {
					t.Errorf("reason %q doesn't say %q", got.Reason, c.want)
				}
				if got.Verdict != Retry || got.After != 0 || got.Held {
					t.Errorf("%+v, want a plain retry", got)
				}
				if strings.Contains(got.Reason, "s3cr3t") {
					t.Errorf("reason %q holds the URL", got.Reason)
				}
			}
		})
	}
}

func TestReasonIsOneShortPrintableLine(t *testing.T) {
	for _, hostile := range []string{
		"line\nfeed\x1b[31m red \u202e reversed",
		strings.Repeat("é", 10_000),
		"\xff\xfe",
		"",
	} {
		got := Deadf("%s", hostile).Reason
		if len(got) > maxReason || strings.ContainsAny(got, "\n\x1b\u202e") {
			t.Errorf("reason %q of %d bytes", got, len(got))
		}
		if strings.ToValidUTF8(got, "") != got {
			t.Errorf("reason %q isn't UTF-8", got)
		}
	}
}
