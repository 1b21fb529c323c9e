package run

import (
	"errors"
	"log/slog"
	"os"
	"slices"

	"headstart/cli/cmdutil"
	"headstart/cli/run/embedded"
	"headstart/daemon"
	rules "headstart/rules.expr"
	"headstart/services/notifier/config"
	"headstart/services/poller"
)

// options are those of headstart run: the options of the services and of the
// process around them.
type options struct {
	embedded.Options
	listen  string
	output  cmdutil.Output
	show    []string
	logging daemon.LogOptions
	poller  poller.Options
}

func (o *options) flags(f *daemon.Flags) {
	f.StringVar(&o.Data, "data", embedded.DataDirectory(), "`directory` for all data")
	f.StringVar(&o.Listen, "nats-listen", embedded.DefaultListen, "loopback `address` of the embedded NATS server")
	f.StringVar(&o.listen, "listen", "127.0.0.1:9470", "`address` for metrics and health; empty for none")
	o.output.Flag(f, "text", "json (JSON lines, with alerts)")
	f.ListVar(&o.show, "show", "`events` to print besides incidents: alerts, connections")
	o.logging.Flags(f)
	o.logging.Level = slog.LevelWarn
	f.BytesVar(&o.Storage.Bytes, "storage", 2<<30, "`bytes` that all streams together may use; the oldest messages are deleted first")
	o.Storage.Replicas = 1
	o.poller.Flags(f)
	o.Tracker.Flags(f)
	o.Correlator.Flags(f)
	o.Correlator.Default = rules.Files
	o.Notifier.Flags(f)
}

func (o *options) shows(what string) bool { return slices.Contains(o.show, what) }

// plan is the content of the files that the options name.
type plan struct {
	rules     int
	receivers []string
}

// check reads the files that the options name, and returns a usage error that
// holds every mistake in both.
func (o *options) check() (plan, error) {
	var p plan
	problems := []error{o.output.Check()}
	for _, s := range o.show {
		if s != "alerts" && s != "connections" {
			problems = append(problems, daemon.Usage("--show %q: want alerts or connections", s))
		}
	}
	problems = append(problems, embedded.CheckLoopback(o.Listen), o.poller.Check())
	set, err := o.Correlator.Load()
	if err != nil {
		problems = append(problems, err)
	} else {
		p.rules = len(set.Rules)
	}
	if o.Notifier.Config != "" {
		receivers, err := config.Load(o.Notifier.Config, config.Environment{ReadFile: os.ReadFile, LookupEnv: os.LookupEnv, Version: daemon.Version()})
		if err != nil {
			problems = append(problems, daemon.Usage("--config: want a file of receivers (docs/notifier.md):\n%w", err))
		}
		for _, r := range receivers {
			p.receivers = append(p.receivers, r.Name)
		}
	}
	return p, errors.Join(problems...)
}
