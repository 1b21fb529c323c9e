package natstest

import (
	"crypto/tls"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// Option configures a server.
type Option func(*server.Options)

// User lets only this user in.
func User(name, password string) Option {
	return func(o *server.Options) { o.Username, o.Password = name, password }
}

// Token lets in only who shows this token.
func Token(token string) Option {
	return func(o *server.Options) { o.Authorization = token }
}

// NKey lets in only the user with this public key.
func NKey(public string) Option {
	return func(o *server.Options) { o.Nkeys = []*server.NkeyUser{{Nkey: public}} }
}

// MaxPayload limits the size of a message.
func MaxPayload(bytes int32) Option {
	return func(o *server.Options) { o.MaxPayload = bytes }
}

// TLS demands TLS with a client certificate that the authority has signed.
func TLS(t testing.TB, a *Authority) Option {
	t.Helper()
	certificate, key := a.Issue(t, "nats-server")
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		t.Fatalf("load the server's certificate: %v", err)
	}
	return func(o *server.Options) {
		o.TLS, o.TLSVerify, o.TLSTimeout = true, true, 5
		o.TLSConfig = &tls.Config{
			MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair},
			ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: a.pool,
		}
	}
}

// TLSFirst demands the handshake before the server's greeting.
func TLSFirst() Option {
	return func(o *server.Options) { o.TLSHandshakeFirst = true }
}
