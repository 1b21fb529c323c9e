package deliverytest

import (
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"headstart/services/notifier/delivery"
)

func (s suite) networkErrors(t *testing.T) {
	stop := make(chan struct{})
	defer close(stop)
	for name, c := range map[string]struct {
		target Target
		want   string // in the reason
	}{
		"refused": {Target{URL: "http://" + refusing(t) + path}, "connection refused"},
		// A name with an empty label is never sent to a name server.
		"unknown host": {Target{URL: "http://nowhere..example" + path}, "no such host"},
		"reset": {Target{URL: "http://" + answering(t, func(c *net.TCPConn) {
			c.SetLinger(0)
		}) + path}, "connection reset"},
		"closed": {Target{URL: "http://" + answering(t, func(c *net.TCPConn) {
			c.CloseWrite()
			io.Copy(io.Discard, c)
		}) + path}, "without an answer"},
		"not HTTP":      {Target{URL: "http://" + answering(t, func(c *net.TCPConn) { c.Write([]byte("220 mail ready\r\n")) }) + path}, "malformed HTTP"},
		"endless field": {Target{URL: "http://" + answering(t, endlessField) + path}, "exceeded"},
		"silent": {Target{Timeout: 50 * time.Millisecond, URL: "http://" + answering(t, func(*net.TCPConn) {
			<-stop
		}) + path}, "no answer within 50ms"},
	} {
		t.Run(name, func(t *testing.T) {
			got := s.send(t, c.target)
			if got.Verdict != delivery.Retry || got.After != 0 || got.Held {
				t.Errorf("%+v, want a plain retry", got)
			}
			if !strings.Contains(got.Reason, c.want) {
				t.Errorf("reason %q doesn't say %q", got.Reason, c.want)
			}
		})
	}
}

func endlessField(c *net.TCPConn) {
	io.WriteString(c, "HTTP/1.1 200 OK\r\nX-Endless: ")
	for _, err := io.WriteString(c, strings.Repeat("a", 64<<10)); err == nil; {
		_, err = io.WriteString(c, strings.Repeat("a", 64<<10))
	}
}

// refusing returns an address that nothing listens on. The port stays bound,
// so that no other server gets it.
func refusing(t *testing.T) string {
	t.Helper()
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(socket) })
	if err := syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	bound, err := syscall.Getsockname(socket)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", bound.(*syscall.SockaddrInet4).Port)
}

// answering returns the address of a server that reads a request, which is
// taken to fit one read, calls answer and closes the connection.
func answering(t *testing.T, answer func(*net.TCPConn)) string {
	t.Helper()
	l := listen(t, "127.0.0.1:0")
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				c.Read(make([]byte, 64<<10))
				answer(c.(*net.TCPConn))
			}()
		}
	}()
	return l.Addr().String()
}

func listen(t *testing.T, address string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (s suite) tls(t *testing.T) {
	server, renamed := serveTLS(t, "127.0.0.1:0"), serveTLS(t, "127.0.0.2:0")
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	plain := serve(t, func(http.ResponseWriter, *http.Request) {})

	if got := s.send(t, Target{URL: server.URL + path, Roots: roots}); got.Verdict != delivery.Done {
		t.Errorf("known authority: %+v, want done", got)
	}
	for name, target := range map[string]Target{
		"unknown authority": {URL: server.URL + path},
		"other name":        {URL: renamed.URL + path, Roots: roots},
		"plain HTTP":        {URL: strings.Replace(plain.URL, "http:", "https:", 1) + path},
	} {
		if got := s.send(t, target); got.Verdict != delivery.Retry || !strings.HasPrefix(got.Reason, "TLS: ") {
			t.Errorf("%s: %+v, want a retry that blames TLS", name, got)
		}
	}
}

// serveTLS starts a server with httptest's certificate, which is for
// 127.0.0.1 only.
func serveTLS(t *testing.T, address string) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Listener.Close()
	server.Listener = listen(t, address)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of failed handshakes
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

func (s suite) unrulyAnswers(t *testing.T) {
	t.Run("endless body", func(t *testing.T) {
		server := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusBadGateway)
			for r.Context().Err() == nil {
				io.WriteString(w, strings.Repeat("a", 64<<10))
			}
		})
		if got := s.send(t, Target{URL: server.URL + path}); got.Verdict != delivery.Retry {
			t.Errorf("%+v, want a retry by its status", got)
		}
	})
	t.Run("body that stalls", func(t *testing.T) {
		server := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusOK)
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
		})
		if got := s.send(t, Target{URL: server.URL + path, Timeout: 500 * time.Millisecond}); got.Verdict != delivery.Done {
			t.Errorf("%+v, want done by its status", got)
		}
	})
	t.Run("body that quotes the request", func(t *testing.T) {
		server := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, r.URL.String())
		})
		if got := s.send(t, Target{URL: server.URL + path}); got.Verdict != delivery.Dead {
			t.Errorf("%+v, want dead by its status", got)
		}
	})
}
