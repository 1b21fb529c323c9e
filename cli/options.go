package cli

import (
	"errors"
	"log/slog"
	"os"

	"headstart/bus"
	"headstart/daemon"
	rules "headstart/rules.expr"
	"headstart/services/correlator"
	"headstart/services/notifier"
	"headstart/services/notifier/config"
	"headstart/services/poller"
	"headstart/services/tracker"
)

// runOptions are those of headstart run: the services' own, and what one
// process needs around them.
type runOptions struct {
	data       string
	natsListen string
	listen     string
	output     string
	show       []string

	logging    daemon.LogOptions
	storage    bus.Storage
	poller     poller.Options
	tracker    tracker.Options
	correlator correlator.Options
	notifier   notifier.Options
}

// defaultNATS is where every command looks for a system.
const defaultNATS = "127.0.0.1:4222"

func (o *runOptions) flags(f *daemon.Flags) {
	f.StringVar(&o.data, "data", dataDirectory(), "`directory` for everything that is kept")
	f.StringVar(&o.natsListen, "nats-listen", defaultNATS, "loopback `address` of the embedded NATS server")
	f.StringVar(&o.listen, "listen", "127.0.0.1:9470", "`address` for metrics and health; empty for none")
	f.StringVar(&o.output, "output", "text", "how to print incidents: `text` or json (JSON lines, alerts too)")
	f.ListVar(&o.show, "show", "`what` to print beside incidents: alerts, connections")
	o.logging.Flags(f)
	o.logging.Level = slog.LevelWarn
	f.BytesVar(&o.storage.Bytes, "storage", 2<<30, "`bytes` that all streams together may take; the oldest messages make room")
	o.storage.Replicas = 1
	o.poller.Flags(f)
	o.tracker.Flags(f)
	o.correlator.Flags(f)
	o.correlator.Default = rules.Files
	o.notifier.Flags(f)
}

// plan is what the files that the options name say.
type plan struct {
	rules     int
	receivers []string
}

// check reads the files that the options name, and returns a usage error that
// holds every mistake in both.
func (o *runOptions) check() (plan, error) {
	var p plan
	var problems []error
	if o.output != "text" && o.output != "json" {
		problems = append(problems, daemon.Usage("--output %q: want text or json", o.output))
	}
	for _, s := range o.show {
		if s != "alerts" && s != "connections" {
			problems = append(problems, daemon.Usage("--show %q: want alerts or connections", s))
		}
	}
	problems = append(problems, checkLoopback(o.natsListen), o.poller.Check())
	set, err := o.correlator.Load()
	if err != nil {
		problems = append(problems, err)
	} else {
		p.rules = len(set.Rules)
	}
	if o.notifier.Config != "" {
		receivers, err := config.Load(o.notifier.Config, config.Environment{ReadFile: os.ReadFile, LookupEnv: os.LookupEnv, Version: daemon.Version()})
		if err != nil {
			problems = append(problems, daemon.Usage("--config: want a file of receivers (docs/notifier.md):\n%w", err))
		}
		for _, r := range receivers {
			p.receivers = append(p.receivers, r.Name)
		}
	}
	return p, errors.Join(problems...)
}
