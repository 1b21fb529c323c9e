package bus

import (
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"headstart/daemon"

	"github.com/nats-io/nats.go"
)

// Options are the address, credentials and TLS of NATS. The flags and the
// environment variables are those of the NATS command line tool.
type Options struct {
	Name     string // of the connection, as the server lists it
	Server   string // one or more URLs, separated by commas
	Creds    string // file with a JWT and its seed
	NKey     string // file with a seed
	User     string
	Password daemon.Secret
	Token    daemon.Secret
	TLSCert  string
	TLSKey   string
	TLSCA    string
	TLSFirst bool // handshake before the server's greeting

	// InProcess connects to a server in this process instead.
	InProcess nats.InProcessConnProvider

	// Wait is the time for which Connect retries. With zero Connect returns at
	// once and retries in the background forever.
	Wait time.Duration

	Telemetry *daemon.Telemetry
}

// Flags defines the flags for the options.
func (o *Options) Flags(f *daemon.Flags) {
	f.StringVar(&o.Server, "server", nats.DefaultURL, "`URLs` of NATS servers, separated by commas")
	f.StringVar(&o.Creds, "creds", "", "`file` with the user's NATS credentials")
	f.StringVar(&o.NKey, "nkey", "", "`file` with the user's NATS nkey seed")
	f.StringVar(&o.User, "user", "", "`name` of the NATS user")
	f.SecretVar(&o.Password, "password", "`password` of the NATS user; use the environment variable to hide it from other users")
	f.SecretVar(&o.Token, "token", "NATS `token`; use the environment variable to hide it from other users")
	f.StringVar(&o.TLSCert, "tlscert", "", "`file` with the client's TLS certificate")
	f.StringVar(&o.TLSKey, "tlskey", "", "`file` with the client's TLS key")
	f.StringVar(&o.TLSCA, "tlsca", "", "`file` with the certificate authorities that the server's certificate must be signed by")
	f.BoolVar(&o.TLSFirst, "tlsfirst", false, "TLS handshake before the server's first message")
	for flagName, variable := range map[string]string{
		"server": "NATS_URL", "creds": "NATS_CREDS", "nkey": "NATS_NKEY", "user": "NATS_USER", "password": "NATS_PASSWORD",
		"token": "NATS_TOKEN", "tlscert": "NATS_CERT", "tlskey": "NATS_KEY", "tlsca": "NATS_CA", "tlsfirst": "NATS_TLS_FIRST",
	} {
		f.EnvName(flagName, variable)
	}
}

func (o *Options) nats() ([]nats.Option, error) {
	var options []nats.Option
	for i, server := range strings.Split(o.Server, ",") {
		if u, err := url.Parse(withScheme(server)); err != nil || u.Host == "" && len(server) > 0 {
			// The parse error could show a password.
			return nil, daemon.Usage("--server: entry %d is not a URL: use nats://host:4222, with special characters of a password percent-encoded", i+1)
		}
	}
	for _, f := range []struct{ flag, path string }{
		{"creds", o.Creds}, {"nkey", o.NKey}, {"tlscert", o.TLSCert}, {"tlskey", o.TLSKey}, {"tlsca", o.TLSCA},
	} {
		if f.path == "" {
			continue
		}
		if _, err := os.Stat(f.path); err != nil {
			return nil, daemon.Usage("--%s: %w", f.flag, err)
		}
	}
	if (o.TLSCert == "") != (o.TLSKey == "") {
		return nil, daemon.Usage("--tlscert and --tlskey: must be given together")
	}
	if o.Creds != "" {
		options = append(options, nats.UserCredentials(o.Creds))
	}
	if o.NKey != "" {
		option, err := nats.NkeyOptionFromSeed(o.NKey)
		if err != nil {
			return nil, fmt.Errorf("read nkey %s: %w", o.NKey, err)
		}
		options = append(options, option)
	}
	if o.User != "" {
		options = append(options, nats.UserInfo(o.User, o.Password.Reveal()))
	}
	if o.Token != "" {
		options = append(options, nats.Token(o.Token.Reveal()))
	}
	if o.TLSCert != "" {
		options = append(options, nats.ClientCert(o.TLSCert, o.TLSKey))
	}
	if o.TLSCA != "" {
		options = append(options, nats.RootCAs(o.TLSCA))
	}
	if o.TLSFirst {
		options = append(options, nats.TLSHandshakeFirst())
	}
	if o.InProcess != nil {
		options = append(options, nats.InProcessServer(o.InProcess))
	}
	return options, nil
}

func withScheme(server string) string {
	if server = strings.TrimSpace(server); strings.Contains(server, "://") {
		return server
	}
	return "nats://" + server
}

// redact removes users, passwords and tokens from server URLs.
func redact(servers string) string {
	var all []string
	for server := range strings.SplitSeq(servers, ",") {
		u, err := url.Parse(withScheme(server))
		if err != nil {
			continue
		}
		u.User = nil
		all = append(all, u.String())
	}
	return strings.Join(all, ",")
}
