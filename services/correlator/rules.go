package correlator

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"headstart/bus"
	"headstart/daemon"
	"headstart/detect/bundle"
	"headstart/detect/rule"
	"headstart/rulestore"
)

// ruleset is an active set of rules, with its files.
type ruleset struct {
	*rule.Set // without the rules that were cut off
	book      *bundle.Book
	packed    []byte // the book, for a checkpoint
	since     time.Time
	cut       []string // rules that were too slow, by id
}

// same reports whether two sets are of the same files.
func (s *ruleset) same(o *ruleset) bool {
	return s.Hash == o.Hash && s.book.Revision == o.book.Revision
}

// without returns the set with rules cut off.
func (s *ruleset) without(ids []string) *ruleset {
	less := *s
	less.cut = append(slices.Clone(s.cut), ids...)
	less.Set = s.Set.Without(less.cut)
	return &less
}

// rules is the newest set that has no mistakes. It follows the directories'
// files and what is pushed.
type rules struct {
	names    []string // of --rules
	pack     fs.FS
	internal []netip.Prefix // by an inventory
	log      *slog.Logger
	now      func() time.Time
	store    *rulestore.Store                        // of pushed rules; nil before attach
	pushed   *bundle.Book                            // the newest; nil before there is one
	set      atomic.Pointer[ruleset]                 // nil before attach, where pushed rules are asked for
	rejected atomic.Pointer[rulestore.RejectedRules] // what was rejected since
	changed  func()                                  // is called when one of the two has changed
	budget   time.Duration                           // of an evaluation; 0: rules are not cut off
	metrics  *ruleMetrics
}

// openRules reads the rules that the options name, but for those that were
// pushed: they need [rules.attach].
func openRules(o Options, internal []netip.Prefix) (*rules, error) {
	r := &rules{names: o.Rules, pack: o.Default, internal: internal, log: o.Log, now: time.Now, changed: func() {}, budget: o.RuleBudget}
	if len(r.names) == 0 {
		r.names = []string{rulestore.DefaultRules}
	}
	if _, err := rulestore.Layers(slices.DeleteFunc(slices.Clone(r.names), isPushed), r.pack); err != nil {
		return nil, daemon.Usage("--rules %w", err)
	}
	r.metrics = newRuleMetrics(o.Telemetry)
	if slices.ContainsFunc(r.names, isPushed) {
		return r, nil
	}
	set, err := r.load()
	if err != nil {
		return nil, r.unusable(err)
	}
	r.activate(set)
	return r, nil
}

func isPushed(name string) bool { return name == rulestore.PushedRules }

func (r *rules) unusable(err error) error {
	return daemon.Usage("the rules in %s can't be used:\n%w", strings.Join(r.names, ", "), err)
}

// load reads the files of all layers and makes a set of them. Where nothing is
// left, because nothing was pushed yet, it is the default ruleset.
func (r *rules) load() (*ruleset, error) {
	var layers []rule.Layer
	var sources []string
	for _, name := range r.names {
		if isPushed(name) {
			if r.pushed != nil {
				layers, sources = append(layers, r.pushed.RuleLayers()...), append(sources, name)
			}
			continue
		}
		layers, sources = append(layers, rulestore.Layer(name, r.pack)), append(sources, name)
	}
	if len(layers) == 0 {
		layers, sources = []rule.Layer{{Name: rulestore.DefaultRules, Files: r.pack}}, []string{rulestore.DefaultRules}
	}
	// They are read once: what was checked is what a checkpoint keeps.
	book, err := bundle.Read(layers)
	if err != nil {
		return nil, err
	}
	if slices.Contains(sources, rulestore.PushedRules) {
		book.Origin = r.pushed.Origin
	}
	book.Source = strings.Join(sources, ", ")
	return newRuleset(book, r.internal, r.now())
}

// newRuleset compiles a book. What an inventory says of the internal networks
// counts.
func newRuleset(book *bundle.Book, internal []netip.Prefix, since time.Time) (*ruleset, error) {
	set, err := rule.LoadLayers(book.RuleLayers(), internal)
	if err != nil {
		return nil, err
	}
	book.Describe(set)
	packed, err := book.Pack()
	if err != nil {
		return nil, err
	}
	return &ruleset{Set: set, book: book, packed: packed, since: since}, nil
}

func (r *rules) current() *ruleset { return r.set.Load() }

func (r *rules) activate(set *ruleset) {
	if before := r.current(); before != nil && before.same(set) {
		set = before
	}
	r.set.Store(set)
	r.rejected.Store(nil)
	r.metrics.activate(set)
	r.changed()
	b := set.book
	log := r.log
	if b.Revision > 0 {
		log = log.With("revision", b.Revision, "author", b.Author, "reason", b.Reason)
	}
	log.Info("rules active", "rules", b.Source, "count", len(set.Rules), "hash", set.Short())
}

// cutOff disables rules of a set, unless another set is active meanwhile.
func (r *rules) cutOff(set *ruleset, ids []string) {
	if r.set.CompareAndSwap(set, set.without(ids)) {
		r.changed()
	}
}

// reject reports a set that can't be used, once.
func (r *rules) reject(err error) {
	message := err.Error()
	if before := r.rejected.Load(); before != nil && before.Error == message {
		return
	}
	refused, log := &rulestore.RejectedRules{At: r.now().UTC(), Source: strings.Join(r.names, ", "), Error: message}, r.log
	if r.pushed != nil {
		refused.Revision, refused.Author = r.pushed.Revision, r.pushed.Author
		log = log.With("revision", refused.Revision, "author", refused.Author)
	}
	r.rejected.Store(refused)
	r.metrics.reject(refused)
	r.changed()
	log.Error("rules not changed: the files can't be used", "rules", refused.Source, "error", message)
}

// pollFiles is how often the files are checked. inotify would miss changes on
// network file systems and mounted volumes.
const pollFiles = time.Second

// follow activates changed rules until the context ends. Files are read when their
// sizes or times have changed, and once more a second later: an editor may be
// half-way through.
func (r *rules) follow(ctx context.Context) {
	pushes := make(chan bus.Revision)
	var following sync.WaitGroup
	defer following.Wait()
	if r.store != nil {
		following.Go(func() {
			r.store.Follow(ctx, func(v bus.Revision) {
				select {
				case pushes <- v:
				case <-ctx.Done():
				}
			})
		})
	}
	ticker := time.NewTicker(pollFiles)
	defer ticker.Stop()
	settled, seen := "", ""
	if r.store == nil && !slices.ContainsFunc(r.names, isDirectory) {
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case v := <-pushes:
			r.take(v)
		case <-ticker.C:
			now := r.fingerprint()
			if now == settled && now == seen {
				continue
			}
			settled, seen = seen, now
			r.try()
		}
	}
}

func isDirectory(name string) bool {
	return name != rulestore.DefaultRules && name != rulestore.PushedRules
}

// try activates the current files, if they differ and have no problems.
func (r *rules) try() {
	set, err := r.load()
	switch now := r.current(); {
	case err != nil:
		r.reject(err)
	case !set.same(now) || r.rejected.Load() != nil:
		r.activate(set)
	}
}

// fingerprint hashes the names, sizes and times of the files.
func (r *rules) fingerprint() string {
	h := sha256.New()
	for _, name := range r.names {
		if !isDirectory(name) {
			continue
		}
		if err := fingerprint(h, rulestore.Layer(name, r.pack).Files); err != nil {
			fmt.Fprintln(h, "unreadable", err)
		}
	}
	return string(h.Sum(nil))
}

func fingerprint(h interface{ Write([]byte) (int, error) }, fsys fs.FS) error {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := fs.Stat(fsys, e.Name())
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			fmt.Fprintln(h, e.Name(), err)
			continue
		}
		fmt.Fprintln(h, e.Name(), info.Size(), info.ModTime().UnixNano())
	}
	return nil
}

// Load returns the rules that the options name, as they are now, without those
// that were pushed. The error is a usage error that holds every mistake.
func (o *Options) Load() (*rule.Set, error) {
	names := slices.DeleteFunc(slices.Clone(o.Rules), isPushed)
	layers, err := rulestore.Layers(names, o.Default)
	if err != nil {
		return nil, daemon.Usage("--rules %w", err)
	}
	set, err := rule.LoadLayers(layers, nil)
	if err != nil && len(names) == len(o.Rules) {
		return nil, daemon.Usage("--rules: want directories of rules that have no mistakes:\n%w", err)
	}
	return cmp.Or(set, new(rule.Set)), nil
}
