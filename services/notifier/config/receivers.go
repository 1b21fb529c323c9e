package config

import (
	"crypto/x509"
	"net/http"
	"time"

	"go.yaml.in/yaml/v3"

	"headstart/daemon"
	"headstart/services/notifier/delivery"
	"headstart/services/notifier/delivery/endpoint"
	"headstart/services/notifier/slack"
	"headstart/services/notifier/webhook"
	"headstart/yamlsrc"
)

const (
	minTimeout = time.Second
	maxTimeout = time.Minute
)

// target reads the keys of every HTTP receiver.
type target struct {
	d       *document
	url     source
	options endpoint.Options
}

func (d *document) target() *target {
	return &target{d: d, url: source{d: d}, options: endpoint.Options{UserAgent: "headstart/" + d.env.Version}}
}

func (t *target) keys() map[string]func(key, value *yaml.Node) {
	return map[string]func(key, value *yaml.Node){
		"url_file": t.url.from(t.d.secretFile),
		"url_env":  t.url.from(t.d.secretEnv),
		"timeout":  func(_, value *yaml.Node) { t.options.Timeout = t.d.duration(value, minTimeout, maxTimeout) },
		"ca_file":  func(_, value *yaml.Node) { t.options.RootCAs = t.d.certificates(value) },
	}
}

// settle checks the URL after all keys were read. ways are the keys of the URL.
func (t *target) settle(node *yaml.Node, ways string) {
	switch {
	case !t.url.given():
		t.d.Errorf(node, "no URL: give one of %s", ways)
	case t.url.whole():
		var err error
		if t.options.Address, err = endpoint.ParseAddress(t.url.value); err != nil {
			t.d.Errorf(t.url.node, "%w", err)
		}
	}
}

func (d *document) certificates(node *yaml.Node) *x509.CertPool {
	data, ok := d.readFile(node)
	if !ok {
		return nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		d.Errorf(node, "the file %s holds no PEM certificate", yamlsrc.Resolve(node).Value)
	}
	return pool
}

func (d *document) slack(node *yaml.Node, _ delivery.Kinds) delivery.Sender {
	t := d.target()
	keys := t.keys()
	keys["url"] = func(key, _ *yaml.Node) {
		d.Errorf(key, "a Slack webhook's URL is a secret: put it into a file and name that with url_file, or into the environment with url_env")
		t.url.node, t.url.broken = key, true
	}
	if d.mapping(node, keys) {
		t.settle(node, "url_file, url_env")
	}
	return slack.New(t.options)
}

func (d *document) webhook(node *yaml.Node, of delivery.Kinds) delivery.Sender {
	t := d.target()
	o := webhook.Options{Header: webhook.Header{}}
	secret := source{d: d}
	var body *yaml.Node

	keys := t.keys()
	keys["url"] = t.url.from(func(value *yaml.Node) (daemon.Secret, bool) {
		text, ok := d.Text(value)
		return daemon.Secret(text), ok
	})
	keys["secret_file"] = secret.from(d.secretFile)
	keys["secret_env"] = secret.from(d.secretEnv)
	keys["secret"] = func(key, _ *yaml.Node) {
		d.Errorf(key, "put the secret into a file and name that with secret_file, or into the environment with secret_env")
	}
	keys["headers"] = d.fields(o.Header, d.inlineField)
	keys["header_files"] = d.fields(o.Header, func(_, value *yaml.Node) (daemon.Secret, bool) { return d.secretFile(value) })
	keys["header_env"] = d.fields(o.Header, func(_, value *yaml.Node) (daemon.Secret, bool) { return d.secretEnv(value) })
	keys["body"] = func(_, value *yaml.Node) { body = value }
	if !d.mapping(node, keys) {
		return nil
	}

	t.settle(node, "url, url_file, url_env")
	o.Endpoint = t.options
	var err error
	if secret.whole() {
		if o.Keys, err = webhook.ParseKeys(secret.value); err != nil {
			d.Errorf(secret.node, "%w", err)
		}
	}
	if body != nil {
		if text, ok := d.Text(body); ok {
			if o.Body, err = webhook.ParseBody(text, o.Header.ContentType(), of); err != nil {
				d.Errorf(body, "body: %w", err)
			}
		}
	}
	return webhook.New(o)
}

// fields returns what reads header fields by name.
func (d *document) fields(to webhook.Header, read func(key, value *yaml.Node) (daemon.Secret, bool)) func(key, value *yaml.Node) {
	return func(_, node *yaml.Node) {
		d.Entries(node, func(key, value *yaml.Node) {
			field, ok := read(key, value)
			if !ok {
				return
			}
			if err := to.Add(key.Value, field); err != nil {
				d.Errorf(key, "%w", err)
			}
		})
	}
}

// inlineField rejects header fields that hold credentials.
func (d *document) inlineField(key, value *yaml.Node) (daemon.Secret, bool) {
	switch http.CanonicalHeaderKey(key.Value) {
	case "Authorization", "Proxy-Authorization", "Cookie", "X-Api-Key":
		d.Errorf(key, "%s holds a secret: put it into a file and name that under header_files, or into the environment and header_env", key.Value)
		return "", false
	}
	text, ok := d.Text(value)
	return daemon.Secret(text), ok
}
