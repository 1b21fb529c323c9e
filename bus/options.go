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

// Options say how to reach NATS. The flags and environment variables are
// those of the NATS command line tool.
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

	// Wait is for how long Connect tries. Zero is for ever: Connect then
	// returns at once and connects in the background.
	Wait time.Duration

	Telemetry *daemon.Telemetry
}

// Flags defines the flags for the options.
func (o *Options) Flags(f *daemon.Flags) {
	f.StringVar(&o.Server, "server", nats.DefaultURL, "NATS server `URLs`, separated by commas")
	f.StringVar(&o.Creds, "creds", "", "`file` with the user's NATS credentials")
	f.StringVar(&o.NKey, "nkey", "", "`file` with the user's NATS nkey seed")
	f.StringVar(&o.User, "user", "", "NATS `name` of the user")
	f.SecretVar(&o.Password, "password", "NATS `password`; better in the environment than on the command line")
	f.SecretVar(&o.Token, "token", "NATS `token`; better in the environment than on the command line")
	f.StringVar(&o.TLSCert, "tlscert", "", "`file` with the client's TLS certificate")
	f.StringVar(&o.TLSKey, "tlskey", "", "`file` with the client's TLS key")
	f.StringVar(&o.TLSCA, "tlsca", "", "`file` with the authorities that sign the server's certificate")
	f.BoolVar(&o.TLSFirst, "tlsfirst", false, "do the TLS handshake before the server's greeting")
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
			// Not what is wrong with it: that could show a password.
			return nil, daemon.Usage("--server: entry %d is not a URL such as nats://host:4222; percent-encode special characters in a password", i+1)
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
		return nil, daemon.Usage("--tlscert and --tlskey go together")
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

// redact returns server URLs without what they say of the user, which can be a
// token.
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
