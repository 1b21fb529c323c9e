// Package config loads the receivers from the notifier's configuration file.
//
// It guarantees:
//   - All errors are reported at once, each with file, line, column and what to
//     write instead.
//   - An unknown key is a mistake, and a file with a mistake gives no receivers.
//   - Secrets come from files and environment variables only. No error and no
//     receiver prints one.
//
// docs/notifier.md describes the file.
package config

import (
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"time"

	"go.yaml.in/yaml/v3"

	"headstart/event"
	"headstart/services/notifier/delivery"
	"headstart/yamlsrc"
)

// Environment is what a configuration refers to outside of its file.
type Environment struct {
	ReadFile  func(name string) ([]byte, error) // os.ReadFile
	LookupEnv func(key string) (string, bool)   // os.LookupEnv
	Version   string                            // of headstart, for the User-Agent
}

// Receiver is a destination of notifications, and which it gets.
type Receiver struct {
	Name        string // [a-z0-9-], unique; 1 to 63 bytes
	Deliver     delivery.Kinds
	MinSeverity event.Severity // and worse
	Backoff     delivery.Backoff
	delivery.Sender
}

// DefaultSeverity is the default minimum severity of a receiver. Info doesn't
// deserve a notification.
const DefaultSeverity = event.Low

// Wants reports whether the receiver gets notifications of a severity.
func (r *Receiver) Wants(s event.Severity) bool { return s >= r.MinSeverity }

// deliver are the values of the key deliver.
var deliver = map[string]delivery.Kinds{
	"incidents": {Incidents: true},
	"alerts":    {Alerts: true},
	"both":      {Incidents: true, Alerts: true},
}

const (
	maxFile      = 1 << 20 // bytes
	maxReceivers = 100

	minGiveUp = time.Minute
	maxGiveUp = 30 * 24 * time.Hour
)

// Load reads a configuration file. Paths in it are relative to its directory.
// The error joins all errors, in the order of the file, at most a hundred.
func Load(file string, env Environment) ([]Receiver, error) {
	data, err := env.ReadFile(file)
	if err != nil {
		return nil, err
	}
	d := &document{Document: yamlsrc.Document{Name: file}, dir: filepath.Dir(file), env: env}
	root, err := d.Parse(data, maxFile, "a configuration", "it needs a list of receivers")
	if err != nil {
		return nil, err
	}
	var receivers []Receiver
	d.mapping(root, map[string]func(key, value *yaml.Node){
		"receivers": func(_, value *yaml.Node) { receivers = d.receivers(value) },
	}, "receivers")
	if err := d.Err(); err != nil {
		return nil, err
	}
	return receivers, nil
}

func (d *document) receivers(list *yaml.Node) []Receiver {
	items, ok := d.sequence(list, maxReceivers)
	if !ok {
		return nil
	}
	receivers := make([]Receiver, 0, len(items))
	lines := map[string]int{}
	for _, item := range items {
		r, name := d.receiver(item)
		if name != nil {
			if line, twice := lines[r.Name]; twice {
				d.Errorf(name, "the receiver of line %d is called %s too", line, r.Name)
			}
			lines[r.Name] = name.Line
		}
		receivers = append(receivers, r)
	}
	return receivers
}

// receiverName is what is valid in the name of a NATS consumer and in an id.
var receiverName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// receiver returns what it could read, and the node of a valid name.
func (d *document) receiver(node *yaml.Node) (r Receiver, name *yaml.Node) {
	r = Receiver{Deliver: deliver["incidents"], MinSeverity: DefaultSeverity, Backoff: delivery.Backoff{
		Initial: delivery.DefaultInitial, Most: delivery.DefaultMost, GiveUpAfter: delivery.DefaultGiveUpAfter,
		Random: rand.Float64,
	}}
	var senders []func() delivery.Sender // to call when all else is read
	kind := func(read func(*yaml.Node, delivery.Kinds) delivery.Sender) func(key, value *yaml.Node) {
		return func(key, value *yaml.Node) {
			if senders = append(senders, func() delivery.Sender { return read(value, r.Deliver) }); len(senders) > 1 {
				d.Errorf(key, "a receiver has one of webhook and slack; make it two receivers")
			}
		}
	}
	ok := d.mapping(node, map[string]func(key, value *yaml.Node){
		"name": func(_, value *yaml.Node) {
			switch text, ok := d.Text(value); {
			case !ok:
			case !receiverName.MatchString(text):
				d.Errorf(value, "name %.64q: use 1 to 63 of a-z, 0-9 and -, not - first", text)
			default:
				r.Name, name = text, value
			}
		},
		"deliver": func(_, value *yaml.Node) {
			text, ok := d.Text(value)
			if !ok {
				return
			}
			if r.Deliver, ok = deliver[text]; !ok {
				d.Errorf(value, "deliver %.64q: one of incidents, alerts, both", text)
			}
		},
		"severity": func(_, value *yaml.Node) {
			if text, ok := d.Text(value); ok {
				if err := r.MinSeverity.UnmarshalText([]byte(text)); err != nil {
					d.Errorf(value, "%v", err)
				}
			}
		},
		"give_up_after": func(_, value *yaml.Node) {
			r.Backoff.GiveUpAfter = d.duration(value, minGiveUp, maxGiveUp)
		},
		"webhook": kind(d.webhook),
		"slack":   kind(d.slack),
	}, "name")
	for _, sender := range senders {
		r.Sender = sender()
	}
	if ok && len(senders) == 0 {
		d.Errorf(node, "the receiver has neither webhook nor slack")
	}
	return r, name
}
