package endpoint_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"headstart/daemon"
	"headstart/event"
	"headstart/services/notifier/delivery"
	"headstart/services/notifier/delivery/deliverytest"
	"headstart/services/notifier/delivery/endpoint"
)

func address(t testing.TB, url string) endpoint.Address {
	t.Helper()
	a, err := endpoint.ParseAddress(daemon.Secret(url))
	if err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	return a
}

type poster struct{ *endpoint.Endpoint }

func (p poster) Send(ctx context.Context, n delivery.Notification) (delivery.Outcome, error) {
	return p.Post(ctx, http.Header{}, []byte(n.ID))
}

func TestResponsesFollowTheTable(t *testing.T) {
	deliverytest.HTTP(t, func(target deliverytest.Target) delivery.Sender {
		return poster{endpoint.New(endpoint.Options{
			Address: address(t, target.URL), RootCAs: target.Roots, Timeout: target.Timeout,
		})}
	}, delivery.ForAlert(&event.Alert{ID: "a1"}, "soc"))
}

func TestPostSendsHeaderAndBody(t *testing.T) {
	got := make(chan *http.Request, 1)
	body := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, _ := io.ReadAll(r.Body)
		got <- r
		body <- string(content)
		w.WriteHeader(http.StatusConflict)
		io.WriteString(w, strings.Repeat("x", 1<<20))
	}))
	defer server.Close()

	var explained int
	e := endpoint.New(endpoint.Options{
		Address: address(t, server.URL+"/hook?key=1"), UserAgent: "headstart/1.2.3",
		Explain: func(body []byte) string { explained = len(body); return "already_there" },
	})
	outcome, err := e.Post(t.Context(), http.Header{"X-Team": {"soc"}}, []byte("hello"))
	if err != nil || outcome.Reason != "409 Conflict: already_there" {
		t.Errorf("%+v, %v", outcome, err)
	}
	r := <-got
	if r.Method != http.MethodPost || r.RequestURI != "/hook?key=1" || <-body != "hello" {
		t.Errorf("%s %s", r.Method, r.RequestURI)
	}
	if r.UserAgent() != "headstart/1.2.3" || r.Header.Get("X-Team") != "soc" {
		t.Errorf("header %v", r.Header)
	}
	if want := 64 << 10; explained != want {
		t.Errorf("%d bytes of the answer kept, want %d", explained, want)
	}
}

func TestParseAddressRejectsWithoutQuoting(t *testing.T) {
	for _, raw := range []string{
		"", "s3cr3t", "/s3cr3t", "ftp://host/s3cr3t", "http:///s3cr3t", "https://:443/s3cr3t", "mailto:s3cr3t@host",
		"https://user:s3cr3t@host/", "https://s3cr3t@host/", "https://host:s3cr3t/", "https://host/%zz?s3cr3t", "https://host/\ns3cr3t", "https://[s3cr3t/",
	} {
		if _, err := endpoint.ParseAddress(daemon.Secret(raw)); err == nil {
			t.Errorf("%q is taken for an address", raw)
		} else if strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("the error quotes the URL: %v", err)
		}
	}
}

func TestEndpointDoesNotPrintItsAddress(t *testing.T) {
	a := address(t, "https://hooks.example/s3cr3t")
	for _, v := range []any{a, &a, endpoint.New(endpoint.Options{Address: a}), endpoint.Options{Address: a}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			got := fmt.Sprintf(verb, v)
			if strings.Contains(got, "s3cr3t") || strings.Contains(got, fmt.Sprintf("%x", "s3cr3t")) {
				t.Errorf("%s of a %T prints %s", verb, v, got)
			}
		}
	}
}
