package rules

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"headstart/cli/cmdutil"
	"headstart/cli/history"
	"headstart/daemon"
	"headstart/detect/rule"
	"headstart/detect/rule/format"
	"headstart/rulekit/scaffold"
)

// product is a generated file.
type product struct {
	name    string
	rule    string // its id, or that of the overridden rule
	text    string
	isRule  bool
	example *scaffold.Example // of an exception
}

// finish formats the file and checks it in its directory.
func (o *newOptions) finish(ctx context.Context, made *product, p history.Plan) error {
	formatted, err := format.File(made.name, []byte(made.text))
	if err != nil {
		return err
	}
	made.text = string(formatted)
	set, err := o.loadWith(made, p)
	if err != nil {
		return err
	}
	if !made.isRule {
		if r := set.Rule(made.rule); !made.example.Holds(set, r, filepath.Join(o.layerName(), made.name)) {
			return fmt.Errorf("the exception doesn't match its example:\n%s", made.text)
		}
		return nil
	}
	report, err := runTests(ctx, set, made.rule)
	if err != nil {
		return err
	}
	for _, one := range report.Cases {
		if !one.Passed {
			return fmt.Errorf("a test of the rule fails: %s: %s\n%s", one.Name, one.Verdict.String(), made.text)
		}
	}
	return nil
}

func (o *newOptions) layerName() string {
	if o.out == "" {
		return "new"
	}
	return filepath.Clean(o.out)
}

// loadWith loads the rules together with the file.
func (o *newOptions) loadWith(made *product, p history.Plan) (*rule.Set, error) {
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
	layers := slices.Clone(o.rules.layers)
	own := rule.Layer{Name: o.layerName(), Files: os.DirFS(dir)}
	replaced := false
	for i := range layers {
		if o.out != "" && layers[i].Name != cmdutil.DefaultRules && filepath.Clean(layers[i].Name) == filepath.Clean(o.out) {
			layers[i], replaced = own, true
		}
	}
	before, err := rule.LoadLayers(layers, p.Internal())
	if err == nil && made.isRule && !replaced && before.Rule(made.rule) != nil && !o.force {
		return nil, daemon.Usage("rule %s exists (%s): choose another --id, or replace it with --force", made.rule, before.Rule(made.rule).File)
	}
	if !replaced {
		layers = append(layers, own)
	}
	set, err := rule.LoadLayers(layers, p.Internal())
	if err != nil {
		return nil, daemon.Usage("the generated file is invalid:\n%w", err)
	}
	return set, nil
}

// copyRules copies the rule files of a directory. It may be missing.
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

// store writes the file. It overwrites an existing one only with --force.
func (o *newOptions) store(c *cobra.Command, made *product) error {
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
		return daemon.Usage("%s exists: overwrite it with --force", name)
	}
	if err != nil {
		return daemon.Usage("--out: %w", err)
	}
	_, err = f.WriteString(made.text)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return cmdutil.Write(c.OutOrStdout(), name+"\n")
}
