package correlator

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"headstart/daemon"
	"headstart/services/correlator/rule"
)

// rules is the set in force. It follows the directory's files.
type rules struct {
	dir      string // empty: the default pack, which doesn't change
	fsys     fs.FS
	name     string
	internal []netip.Prefix // by an inventory
	log      *slog.Logger
	set      atomic.Pointer[rule.Set]
	metrics  *ruleMetrics
}

func openRules(o Options, internal []netip.Prefix) (*rules, error) {
	r := &rules{dir: o.Rules, fsys: o.Default, name: "rules.expr", internal: internal, log: o.Log}
	if o.Rules != "" {
		if info, err := os.Stat(o.Rules); err != nil || !info.IsDir() {
			return nil, daemon.Usage("--rules %s: %w", o.Rules, errors.Join(err, errors.New("want a directory with rule files (*.yaml)")))
		}
		r.fsys, r.name = os.DirFS(o.Rules), o.Rules
	}
	set, err := rule.LoadLayers([]rule.Layer{{Name: r.name, Files: r.fsys}}, r.internal)
	if err != nil {
		return nil, daemon.Usage("the rules in %s can't be used:\n%w", r.name, err)
	}
	r.metrics = newRuleMetrics(o.Telemetry.Metrics)
	r.force(set)
	return r, nil
}

func (r *rules) current() *rule.Set { return r.set.Load() }

func (r *rules) force(set *rule.Set) {
	r.set.Store(set)
	r.metrics.count.Store(int64(len(set.Rules)))
	r.metrics.loaded.Store(time.Now().Unix())
	r.log.Info("rules in force", "rules", r.name, "count", len(set.Rules), "hash", set.Hash[:12])
}

// look is how often the files are looked at. Watching them by inotify would
// miss changes on network file systems and mounted volumes.
const look = time.Second

// follow puts changed rules in force until the context ends. Files are read
// when what the directory says of them has changed, and once more a second
// later: an editor may be half-way through.
func (r *rules) follow(ctx context.Context) {
	if r.dir == "" {
		return
	}
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	var settled, failed string
	seen := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now, err := r.fingerprint()
		if err != nil {
			now = "unreadable: " + err.Error()
		}
		if now == settled && now == seen {
			continue
		}
		settled, seen = seen, now
		set, err := rule.LoadLayers([]rule.Layer{{Name: r.name, Files: r.fsys}}, r.internal)
		switch {
		case err != nil && failed != err.Error():
			failed = err.Error()
			r.metrics.failures.Inc()
			r.metrics.broken.Store(1)
			r.log.Error("rules not changed: the files can't be used", "rules", r.name, "error", failed)
		case err == nil && (set.Hash != r.current().Hash || failed != ""):
			failed = ""
			r.metrics.broken.Store(0)
			r.force(set)
		}
	}
}

// fingerprint sums up what the directory says of its files.
func (r *rules) fingerprint() (string, error) {
	entries, err := fs.ReadDir(r.fsys, ".")
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, e := range entries {
		info, err := fs.Stat(r.fsys, e.Name())
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			fmt.Fprintln(h, e.Name(), err)
			continue
		}
		fmt.Fprintln(h, e.Name(), info.Size(), info.ModTime().UnixNano())
	}
	return string(h.Sum(nil)), nil
}
