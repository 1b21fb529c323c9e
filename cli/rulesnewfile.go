package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"headstart/daemon"
	"headstart/detect/rule"
	"headstart/detect/rule/format"
)

// finish lays the file out and checks it, in the place where it will be.
func (o *newRuleOptions) finish(ctx context.Context, made *product, p historyPlan) error {
	formatted, err := format.File(made.name, []byte(made.text))
	if err != nil {
		return err
	}
	made.text = string(formatted)
	set, err := o.load(made, p)
	if err != nil {
		return err
	}
	if !made.isRule {
		if r := set.Rule(made.rule); !made.example.Holds(set, r, filepath.Join(o.layerName(), made.name)) {
			return fmt.Errorf("the exception doesn't hold on what it was made of:\n%s", made.text)
		}
		return nil
	}
	report, err := playOwn(ctx, set, made.rule)
	if err != nil {
		return err
	}
	for _, one := range report.Cases {
		if !one.Passed {
			return fmt.Errorf("the rule's own test fails: %s: %s\n%s", one.Name, one.Verdict.String(), made.text)
		}
	}
	return nil
}

func (o *newRuleOptions) layerName() string {
	if o.out == "" {
		return "new"
	}
	return filepath.Clean(o.out)
}

// load loads the rules as they would be with the file.
func (o *newRuleOptions) load(made *product, p historyPlan) (*rule.Set, error) {
	dir, err := os.MkdirTemp("", "headstart-new-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if o.out != "" {
		if err := copyRules(o.out, dir); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, made.name), []byte(made.text), 0o600); err != nil {
		return nil, err
	}
	layers := slices.Clone(o.layers)
	own := rule.Layer{Name: o.layerName(), Files: os.DirFS(dir)}
	replaced := false
	for i := range layers {
		if o.out != "" && layers[i].Name != defaultPack && filepath.Clean(layers[i].Name) == filepath.Clean(o.out) {
			layers[i], replaced = own, true
		}
	}
	before, err := rule.LoadLayers(layers, p.internal())
	if err == nil && made.isRule && !replaced && before.Rule(made.rule) != nil && !o.force {
		return nil, daemon.Usage("there is a rule %s (%s), which this one would replace; give it another --id, or say --force", made.rule, before.Rule(made.rule).File)
	}
	if !replaced {
		layers = append(layers, own)
	}
	set, err := rule.LoadLayers(layers, p.internal())
	if err != nil {
		return nil, daemon.Usage("what was made has mistakes:\n%w", err)
	}
	return set, nil
}

// copyRules copies the files of a directory of rules, if there is one.
func copyRules(from, to string) error {
	entries, err := os.ReadDir(from)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return daemon.Usage("--out: %w", err)
	}
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); !e.Type().IsRegular() || ext != ".yaml" && ext != ".yml" {
			continue
		}
		data, err := os.ReadFile(filepath.Join(from, e.Name()))
		if err == nil {
			err = os.WriteFile(filepath.Join(to, e.Name()), data, 0o600)
		}
		if err != nil {
			return daemon.Usage("--out: %w", err)
		}
	}
	return nil
}

// store writes the file. One that is there stays unless --force is given.
func (o *newRuleOptions) store(c *cobra.Command, made *product) error {
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return daemon.Usage("--out: %w", err)
	}
	name := filepath.Join(o.out, made.name)
	how := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if o.force {
		how = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	f, err := os.OpenFile(name, how, 0o644)
	if errors.Is(err, os.ErrExist) {
		return daemon.Usage("%s is there already; --force overwrites it", name)
	}
	if err != nil {
		return daemon.Usage("--out: %w", err)
	}
	_, err = f.WriteString(made.text)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return write(c.OutOrStdout(), name+"\n")
}
