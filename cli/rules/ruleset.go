package rules

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"headstart/bus"
	"headstart/cli/cmdutil"
	"headstart/cli/history"
	"headstart/daemon"
	"headstart/detect/bundle"
	"headstart/detect/rule"
	"headstart/rulestore"
	"headstart/suggest"
)

const defaultName = "the default ruleset"

// ruleset is a set of rules, the directories that it is from, and its name in
// messages.
type ruleset struct {
	*rule.Set
	layers []rule.Layer
	name   string
}

// load reads directories of rules.
func (s *ruleset) load(dirs []string, internal []netip.Prefix) (err error) {
	if s.layers, err = cmdutil.RuleLayers(dirs); err != nil {
		return err
	}
	names := make([]string, len(dirs))
	for i, dir := range dirs {
		if names[i] = dir; dir == cmdutil.DefaultRules {
			names[i] = defaultName
		}
	}
	s.name = strings.Join(names, " + ")
	s.Set, err = rule.LoadLayers(s.layers, internal)
	return err
}

// loadFor reads directories of rules. Without directories it reads the default
// ruleset for a recording, and leaves the active rules of a running system to
// [ruleset.loadActive].
func (s *ruleset) loadFor(h *history.History, dirs []string, internal []netip.Prefix) error {
	if len(dirs) == 0 {
		if h.IsRunning() {
			return nil
		}
		dirs = []string{cmdutil.DefaultRules}
	}
	return s.load(dirs, internal)
}

// loadActive reads the active rules of a running system, the default ruleset if
// no correlator has reported any. It does nothing if rules are loaded.
func (s *ruleset) loadActive(ctx context.Context, b *bus.Bus, internal []netip.Prefix) error {
	if s.Set != nil {
		return nil
	}
	store, err := rulestore.Open(ctx, b)
	var book *bundle.Book
	if err == nil {
		book, err = store.Active(ctx)
	}
	if err != nil && !errors.Is(err, bus.ErrNoBucket) {
		return err
	}
	if book == nil {
		return s.load([]string{cmdutil.DefaultRules}, internal)
	}
	switch s.name = book.Source; {
	case book.Revision > 0:
		s.name = fmt.Sprintf("the pushed rules (revision %d)", book.Revision)
	case s.name == cmdutil.DefaultRules:
		s.name = defaultName
	}
	s.layers = book.RuleLayers()
	if s.Set, err = rule.LoadLayers(s.layers, internal); err != nil {
		return fmt.Errorf("the active rules are invalid: name others:\n%w", err)
	}
	return nil
}

// onHistory opens a history, loads the active rules unless s has rules, and calls
// do.
func (s *ruleset) onHistory(c *cobra.Command, h *history.History, p history.Plan, do func(context.Context, *history.Past) error) error {
	bar := cmdutil.NewProgress(c.ErrOrStderr())
	defer bar.Done()
	return h.Open(c, p, bar, func(ctx context.Context, past *history.Past) error {
		if err := s.loadActive(ctx, past.Bus, p.Internal()); err != nil {
			return err
		}
		return do(ctx, past)
	})
}

// find returns a rule, or a usage error that suggests one.
func (s *ruleset) find(id string) (*rule.Rule, error) {
	if r := s.Rule(id); r != nil {
		return r, nil
	}
	return nil, daemon.Usage("unknown rule %q%s", id, suggest.DidYouMean(id, ids(s.Set)))
}

func ids(set *rule.Set) []string {
	ids := make([]string, 0, len(set.Rules))
	for _, r := range set.Rules {
		ids = append(ids, r.ID)
	}
	return ids
}

// completeRules offers the rules of the default ruleset.
func completeRules(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	set, err := cmdutil.LoadRules(nil, nil)
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var offers []string
	for _, r := range set.Rules {
		offers = append(offers, cobra.CompletionWithDesc(r.ID, r.Title))
	}
	return offers, cobra.ShellCompDirectiveNoFileComp
}

// earlier returns a function that returns, for a file in one of the directories,
// the rules without the later directories; nil if there are none.
func earlier(dirs []string) func(file string) *rule.Set {
	layers, err := cmdutil.RuleLayers(dirs)
	if err != nil {
		return nil // loading them returns the error
	}
	sets := make([]func() *rule.Set, len(layers))
	for n := range layers {
		sets[n] = sync.OnceValue(func() *rule.Set {
			set, err := rule.LoadLayers(layers[:n+1], nil)
			if err != nil {
				return nil // they need the later ones
			}
			return set
		})
	}
	return func(file string) *rule.Set {
		for n := range layers[:len(layers)-1] {
			if dir, _ := path.Split(file); path.Clean(dir) == path.Clean(layers[n].Name) {
				return sets[n]()
			}
		}
		return nil
	}
}
