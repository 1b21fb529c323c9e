package config

import (
	"fmt"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"headstart/daemon"
	"headstart/yamlsrc"
)

const maxSecret = 64 << 10 // bytes

// secretFile returns the content of the file that node names, without trailing
// line breaks.
func (d *document) secretFile(node *yaml.Node) (daemon.Secret, bool) {
	data, ok := d.readFile(node)
	if !ok {
		return "", false
	}
	secret := strings.TrimRight(string(data), "\r\n")
	if secret == "" {
		d.Errorf(node, "the file %s is empty", yamlsrc.Resolve(node).Value)
		return "", false
	}
	return daemon.Secret(secret), true
}

func (d *document) readFile(node *yaml.Node) ([]byte, bool) {
	name, ok := d.Text(node)
	if !ok {
		return nil, false
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(d.dir, name)
	}
	data, err := d.env.ReadFile(name)
	if err == nil && len(data) > maxSecret {
		err = fmt.Errorf("%s: %d bytes, more than %d", name, len(data), maxSecret)
	}
	if err != nil {
		d.Errorf(node, "%w", err)
		return nil, false
	}
	return data, true
}

// secretEnv returns the environment variable that node names.
func (d *document) secretEnv(node *yaml.Node) (daemon.Secret, bool) {
	name, ok := d.Text(node)
	if !ok {
		return "", false
	}
	value, ok := d.env.LookupEnv(name)
	if !ok || value == "" {
		d.Errorf(node, "the environment variable %s is not set", name)
		return "", false
	}
	return daemon.Secret(value), true
}

// source is one value that exactly one of several keys must give.
type source struct {
	d      *document
	value  daemon.Secret
	node   *yaml.Node // of the value; nil: not given
	broken bool       // it was given, with a mistake
}

// from returns what reads a key that gives the value.
func (s *source) from(read func(*yaml.Node) (daemon.Secret, bool)) func(key, value *yaml.Node) {
	return func(key, value *yaml.Node) {
		if s.given() {
			s.d.Errorf(key, "%s besides another key for the same; choose one", key.Value)
		}
		s.node = value
		var ok bool
		s.value, ok = read(value)
		s.broken = s.broken || !ok
	}
}

func (s *source) given() bool { return s.node != nil }

// whole reports whether the value was given without a mistake.
func (s *source) whole() bool { return s.given() && !s.broken }
